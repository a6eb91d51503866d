package transport_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	kittransport "github.com/go-kit/kit/transport"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// within is the frame of a request that states how much time it has.
func within(t *testing.T, d time.Duration, id uint32, method, body string) []byte {
	t.Helper()
	frame, err := native.Protocol{}.AppendRequest(nil, id, &transport.Message{Method: method, Body: []byte(body), Timeout: d})
	if err != nil {
		t.Fatal(err)
	}
	return frame
}

// sleeps is an endpoint that takes as long as its request says, whatever becomes of its context.
func sleeps(_ context.Context, r any) (any, error) {
	d, err := time.ParseDuration(string(r.([]byte)))
	time.Sleep(d) // of bubble time
	return r, err
}

// TestTurnsOfWhoClosedItsSide: calls that wait for a worker are run for a client that has nothing more to
// say, unless the time that they state is over.
func TestTurnsOfWhoClosedItsSide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ran := make(chan string, 9)
		p, _, stop := servePipes(t, map[string]*transport.Server{"M": rawServer(func(ctx context.Context, r any) (any, error) {
			ran <- string(r.([]byte))
			return sleeps(ctx, r)
		})}, transport.ServiceWorkers(1))
		defer stop()
		ours, theirs := newHalves()
		p.conns <- theirs
		for id, frame := range [][]byte{request(t, 1, "M", "2s"), within(t, time.Second, 2, "M", "1ns"), within(t, 4*time.Second, 3, "M", "2ns"),
			request(t, 4, "M", "3ns")} {
			if _, err := ours.Write(frame); err != nil {
				t.Fatal(id, err)
			}
		}
		_ = ours.CloseWrite()
		answers := readAll(ours)
		for range 4 {
			a := bounded.Receive(t, answers)
			if a.id == 2 {
				if e := asError(t, a.err); !e.NotRun {
					t.Errorf("a call whose time is over: %+v", a)
				}
			} else if a.err != nil {
				t.Errorf("got %+v", a)
			}
		}
		if n := len(ran); n != 3 {
			t.Errorf("%d calls were run, want 3", n)
		}
		ours.Close()
	})
}

// TestPackedCallsOfWhoClosedItsSide: they are unpacked and run, whether they wait for a worker or for
// another to be unpacked.
func TestPackedCallsOfWhoClosedItsSide(t *testing.T) {
	for name, row := range map[string]struct {
		opens   time.Duration // how long unpacking takes
		options []transport.ServiceOption
	}{"a worker": {0, []transport.ServiceOption{transport.ServiceWorkers(1)}}, "another": {time.Second, nil}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, _, stop := servePipesOf(t, packing{opened: new(atomic.Int64), read: new(atomic.Int64), opens: row.opens}, map[string]*transport.Server{
					"M": rawServer(func(_ context.Context, r any) (any, error) {
						time.Sleep(time.Second) // of bubble time
						return []byte(fmt.Sprint(len(r.([]byte)))), nil
					})}, row.options...)
				defer stop()
				ours, theirs := newHalves()
				p.conns <- theirs
				for id := range uint32(3) {
					if _, err := ours.Write(request(t, id+1, "M", "x")); err != nil {
						t.Fatal(err)
					}
				}
				_ = ours.CloseWrite()
				answers := readAll(ours)
				for range 3 {
					if a := bounded.Receive(t, answers); a.err != nil || a.body != fmt.Sprint(1<<20) {
						t.Errorf("got %+v", a)
					}
				}
				ours.Close()
			})
		})
	}
}

// TestWhoClosedItsSideIsLetGo: as soon as all its calls are answered, and after five seconds if they are not.
func TestWhoClosedItsSideIsLetGo(t *testing.T) {
	for name, row := range map[string]struct {
		inline  bool
		calls   []string // how long they take
		answers int
		want    time.Duration
	}{
		"no call":                  {want: 0},
		"a call":                   {calls: []string{"1s"}, answers: 1, want: time.Second},
		"two":                      {calls: []string{"1s", "2s"}, answers: 2, want: 2 * time.Second},
		"as long as may be":        {calls: []string{"4999ms"}, answers: 1, want: 4999 * time.Millisecond},
		"longer":                   {calls: []string{"1s", "6s"}, answers: 1, want: 5 * time.Second},
		"where the client is read": {inline: true, calls: []string{"1s", "7s"}, answers: 2, want: 8 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var options []transport.ServerOption
				if row.inline {
					options = append(options, transport.ServerInline())
				}
				p, _, stop := servePipes(t, map[string]*transport.Server{"M": rawServer(sleeps, options...)})
				defer stop()
				ours, theirs := newHalves()
				seen := &lastSeen{halves: theirs, closed: make(chan time.Time, 1)}
				p.conns <- seen
				begin := time.Now()
				var frames []byte
				for i, takes := range row.calls {
					frames = append(frames, request(t, uint32(i+1), "M", takes)...)
				}
				if len(frames) > 0 {
					if _, err := ours.Write(frames); err != nil {
						t.Fatal(err)
					}
				}
				_ = ours.CloseWrite()
				got := 0
				for a := range readAll(ours) {
					if got++; a.err != nil || a.body != row.calls[a.id-1] {
						t.Errorf("got %+v", a)
					}
				}
				if at := bounded.Receive(t, seen.closed).Sub(begin); got != row.answers || at != row.want {
					t.Errorf("%d calls are answered, the connection ends after %v, want %d and %v", got, at, row.answers, row.want)
				}
				ours.Close()
				time.Sleep(10 * time.Second) // of bubble time, for calls that are left
			})
		})
	}
}

// TestCallsOfAConnectionThatHasEndedAreNotRun: whose turn comes only then.
func TestCallsOfAConnectionThatHasEndedAreNotRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var running atomic.Int64
		release := make(chan struct{})
		p, s, stop := servePipes(t, blocking(&running, release), transport.ServiceWorkers(1))
		defer stop()
		first, second := p.dial(t), p.dial(t)
		defer first.Close()
		defer second.Close()
		answers := readAll(first)
		readAll(second)
		if _, err := first.Write(request(t, 1, "M", "x")); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if _, err := second.Write(append(request(t, 1, "M", "y"), "\xff\xff\xff\xff"...)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if st := s.Stats(); st.Conns != 1 || st.Waiting != 1 {
			t.Errorf("the second connection has not ended, or its call does not wait: %+v", st)
		}
		close(release)
		bounded.Receive(t, answers)
		synctest.Wait()
		if m := s.Stats().Methods["M"]; m.OK != 1 || m.Errors[transport.CodeCanceled] != 1 || m.Running != 0 {
			t.Errorf("the calls have ended as %+v", m)
		}
	})
}

// TestBadBytesEndACallsConnectionAtOnce: a client that sends what is no frame is not waited for, whatever
// it has under way.
func TestBadBytesEndACallsConnectionAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _, stop := servePipes(t, map[string]*transport.Server{"M": rawServer(sleeps)})
		defer stop()
		nc := p.dial(t)
		if _, err := nc.Write(append(request(t, 1, "M", "3s"), "\xff\xff\xff\xff"...)); err != nil {
			t.Fatal(err)
		}
		closesAfter(t, nc, 0)
		nc.Close()
		time.Sleep(5 * time.Second) // of bubble time, for the call
	})
}

// TestContextsOfTheOperator: what ServiceConnContext returns ends with the connection, also if it comes from
// elsewhere, and where it has ended no call is run.
func TestContextsOfTheOperator(t *testing.T) {
	t.Run("from elsewhere", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			started, ended := make(chan context.Context, 1), make(chan error, 1)
			p, s, stop := servePipes(t, map[string]*transport.Server{"M": rawServer(blocked(started, ended))},
				transport.ServiceConnContext(func(ctx context.Context, _ net.Conn) context.Context { return context.WithoutCancel(ctx) }))
			defer stop()
			nc := p.dial(t)
			defer nc.Close()
			if _, err := nc.Write(request(t, 1, "M", "")); err != nil {
				t.Fatal(err)
			}
			bounded.Receive(t, started)
			s.Close()
			if err := bounded.Receive(t, ended); err != context.Canceled {
				t.Errorf("it ends with %v", err)
			}
		})
	})
	t.Run("that has ended", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var running atomic.Int64
			p, _, stop := servePipes(t, blocking(&running, nil), transport.ServiceConnContext(func(ctx context.Context, _ net.Conn) context.Context {
				ctx, cancel := context.WithCancel(ctx)
				cancel()
				return ctx
			}))
			defer stop()
			nc := p.dial(t)
			defer nc.Close()
			answers := readAll(nc)
			if _, err := nc.Write(request(t, 1, "M", "")); err != nil {
				t.Fatal(err)
			}
			if e := asError(t, bounded.Receive(t, answers).err); e.Code != transport.CodeCanceled || !e.NotRun {
				t.Errorf("answered with %+v", e)
			}
		})
	})
}

// TestCallsOfTheToldAreAnswered: a call that is under way when its client is told to go is waited for,
// for as long as it takes, whatever else the client sends.
func TestCallsOfTheToldAreAnswered(t *testing.T) {
	for name, frame := range other {
		synctest.Test(t, func(t *testing.T) {
			p, s, stop := servePipes(t, map[string]*transport.Server{"M": rawServer(sleeps)})
			defer stop()
			nc := p.dial(t)
			answers := readAll(nc)
			if _, err := nc.Write(request(t, 1, "M", "20s")); err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			synctest.Wait()
			var down sync.WaitGroup
			down.Go(func() { _ = s.Shutdown(context.Background()) })
			go chatter(nc, frame)
			told, answered := time.Hour, time.Hour
			for a := range answers {
				switch at := time.Since(start); {
				case a.kind == 7:
					told = at
				case a.id == 1 && a.body == "20s":
					answered = at
				}
			}
			if told > 0 || answered != 20*time.Second {
				t.Errorf("%s: told after %v, answered after %v", name, told, answered)
			}
			bounded.Wait(t, down.Wait)
			time.Sleep(time.Second) // of the bubble's, for chatter to notice
		})
	}
}

// TestOrdinaryEndsAreNotReported: that a client leaves, or a connection is idle, or the server goes away is
// nobody's fault.
func TestOrdinaryEndsAreNotReported(t *testing.T) {
	for name, end := range map[string]func(*halves, *transport.Service){
		"its client leaves":    func(nc *halves, _ *transport.Service) { nc.Close() },
		"it closes its side":   func(nc *halves, _ *transport.Service) { _ = nc.CloseWrite() },
		"it is idle":           func(*halves, *transport.Service) { time.Sleep(time.Minute) },
		"the server goes away": func(_ *halves, s *transport.Service) { _ = s.Shutdown(context.Background()) },
		"the server is closed": func(_ *halves, s *transport.Service) { s.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				reports := make(chan error, 9)
				p, s, stop := servePipes(t, map[string]*transport.Server{"M": rawServer(echo)}, reportTo(reports))
				defer stop()
				ours, theirs := newHalves()
				p.conns <- theirs
				if err := callOnce(t, ours); err != nil {
					t.Fatal(err)
				}
				go func() { _, _ = io.Copy(io.Discard, ours) }()
				end(ours, s)
				time.Sleep(10 * time.Second) // of bubble time
				if n := s.Stats().Conns; n != 0 {
					t.Errorf("%d connections", n)
				}
				ours.Close()
				synctest.Wait()
				for len(reports) > 0 {
					t.Errorf("reported: %v", bounded.Receive(t, reports))
				}
			})
		})
	}
}

// TestRefusedConnectionsAreReported: with who was refused, and a context that has ended.
func TestRefusedConnectionsAreReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type report struct {
			ctx context.Context
			err error
		}
		reports := make(chan report, 9)
		p, _, stop := servePipes(t, nil, transport.ServiceMaxConns(1), transport.ServiceErrorHandler(kittransport.ErrorHandlerFunc(
			func(ctx context.Context, err error) { reports <- report{ctx, err} })))
		defer stop()
		defer p.dial(t).Close()
		closesAfter(t, p.dial(t), 0)
		synctest.Wait()
		r := bounded.Receive(t, reports)
		if want := "pipe: transport: too many connections: connection refused, 1 are open"; r.err.Error() != want {
			t.Errorf("reported as %v, want %s", r.err, want)
		}
		if addr := fmt.Sprint(r.ctx.Value(transport.ContextKeyRemoteAddr)); addr != "pipe" || r.ctx.Err() == nil {
			t.Errorf("its context is that of %s, and ended with %v", addr, r.ctx.Err())
		}
	})
}
