package transport_test

import (
	"context"
	"math"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// TestCancelOfAnIDThatIsUsedAgain: it is that of the new call as soon as the old one is answered, although
// that is not done yet.
func TestCancelOfAnIDThatIsUsedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hold, started := make(chan struct{}), make(chan struct{}, 2)
		var finalized atomic.Int64
		p, _, stop := servePipes(t, map[string]*transport.Server{"M": rawServer(func(ctx context.Context, r any) (any, error) {
			if string(r.([]byte)) == "new" {
				started <- struct{}{}
				<-ctx.Done()
			}
			return r, ctx.Err()
		}, transport.ServerFinalizer(func(context.Context, error) {
			if finalized.Add(1) == 1 {
				<-hold
			}
		}))})
		defer stop()
		nc := p.dial(t)
		defer nc.Close()
		answers := readAll(nc)
		if _, err := nc.Write(request(t, 7, "M", "old")); err != nil {
			t.Fatal(err)
		}
		if a := bounded.Receive(t, answers); a.body != "old" {
			t.Errorf("got %+v", a)
		}
		if _, err := nc.Write(request(t, 7, "M", "new")); err != nil {
			t.Fatal(err)
		}
		bounded.Receive(t, started)
		close(hold)
		synctest.Wait()
		if _, err := nc.Write(native.Protocol{}.AppendCancel(nil, 7)); err != nil {
			t.Fatal(err)
		}
		if a := bounded.Receive(t, answers); asError(t, a.err).Code != transport.CodeCanceled {
			t.Errorf("got %+v", a)
		}
	})
}

// TestIDsToTheBounds: the first and the last that a call may have can be cancelled, and are in use once;
// what is beyond belongs to no call.
func TestIDsToTheBounds(t *testing.T) {
	for _, id := range []uint32{0, 1, math.MaxUint32} {
		synctest.Test(t, func(t *testing.T) {
			var running atomic.Int64
			p, _, stop := servePipes(t, blocking(&running, nil))
			defer stop()
			nc := p.dial(t)
			defer nc.Close()
			answers := readAll(nc)
			write := func(frame []byte) {
				t.Helper()
				if _, err := nc.Write(frame); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
			}
			write(request(t, id, "M", "x"))
			write(native.Protocol{}.AppendCancel(nil, id))
			if id == 0 {
				write(request(t, id, "M", "x"))
				if len(answers) > 0 || running.Load() != 2 {
					t.Errorf("of two calls without an id %d are answered, %d run", len(answers), running.Load())
				}
				return
			}
			if len(answers) != 1 || running.Load() != 0 {
				t.Fatalf("call %d: %d are answered, %d run", id, len(answers), running.Load())
			}
			bounded.Receive(t, answers)
			write(request(t, id, "M", "x"))
			write(request(t, id, "M", "x"))
			if a, open := bounded.Open(t, answers); open {
				t.Errorf("call %d, a second time: %+v, and the connection goes on", id, a)
			}
		})
	}
}

// TestIDsOfProtocolsThatHaveNoCancel: nobody asks for a call by its id, and it may be in use as often as a
// client likes.
func TestIDsOfProtocolsThatHaveNoCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var running atomic.Int64
		release := make(chan struct{})
		p, _, stop := servePipesOf(t, struct{ transport.ServerProtocol }{native.Protocol{}}, blocking(&running, release))
		defer stop()
		nc := p.dial(t)
		defer nc.Close()
		answers := readAll(nc)
		for range 2 {
			if _, err := nc.Write(request(t, 7, "M", "x")); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		if n := running.Load(); n != 2 {
			t.Errorf("%d calls run", n)
		}
		close(release)
		for range 2 {
			if a := bounded.Receive(t, answers); a.id != 7 || a.body != "x" {
				t.Errorf("got %+v", a)
			}
		}
	})
}

// TestGoroutineThatEndsBetweenCalls: a protocol that ends the goroutine which reads ends the connection, also
// where a call was answered on that goroutine, or has ended it, before.
func TestGoroutineThatEndsBetweenCalls(t *testing.T) {
	for name, method := range map[string]string{"a call before it": "Echo", "one that has ended its goroutine": "Exit"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				reports := make(chan error, 9)
				p, s, stop := servePipesOf(t, trapped{part: "parser", trap: &trap{do: runtime.Goexit}}, map[string]*transport.Server{
					"Echo": rawServer(echo, transport.ServerInline()),
					"Exit": rawServer(func(context.Context, any) (any, error) { runtime.Goexit(); return nil, nil }, transport.ServerInline()),
				}, reportTo(reports))
				defer stop()
				nc := p.dial(t)
				defer nc.Close()
				answers := readAll(nc)
				if _, err := nc.Write(request(t, 1, method, "")); err != nil {
					t.Fatal(err)
				}
				if a := bounded.Receive(t, answers); a.id != 1 {
					t.Errorf("got %+v", a)
				}
				if _, err := nc.Write(request(t, 2, "Echo", "")); err != nil {
					t.Fatal(err)
				}
				if a, ok := bounded.Open(t, answers); ok {
					t.Errorf("it goes on: %+v", a)
				}
				synctest.Wait()
				if err := bounded.Receive(t, reports); !strings.Contains(err.Error(), "ended the goroutine of its connection") {
					t.Errorf("reported as %v", err)
				}
				if st := s.Stats(); st.Conns+st.InFlight != 0 {
					t.Errorf("left are %+v", st)
				}
			})
		})
	}
}
