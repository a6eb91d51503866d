package transport_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	kittransport "github.com/go-kit/kit/transport"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// refusedAnswer reports whether a says that the call was not run, because of load.
func refusedAnswer(a answer) bool {
	var e *transport.Error
	return errors.As(a.err, &e) && e.Code == transport.CodeResourceExhausted && e.NotRun
}

// blocking serves M, which blocks until release is closed or its context ends, and
// counts those that run.
func blocking(running *atomic.Int64, release <-chan struct{}) map[string]*transport.Server {
	return map[string]*transport.Server{"M": rawServer(func(ctx context.Context, r any) (any, error) {
		running.Add(1)
		defer running.Add(-1)
		select {
		case <-release:
			return r, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	})}
}

// TestServerAlwaysReads: at its limit of calls a server refuses what comes beyond, unrun,
// or lets it wait; and answers pings and hears cancels as ever.
func TestServerAlwaysReads(t *testing.T) {
	for name, tc := range map[string]struct {
		options                   []transport.ServiceOption
		running, waiting, refused int
	}{
		"on a connection": {[]transport.ServiceOption{transport.ServiceMaxInFlight(4, 0)}, 4, 0, 46},
		"in all":          {[]transport.ServiceOption{transport.ServiceMaxInFlight(0, 4)}, 4, 0, 46},
		"workers":         {[]transport.ServiceOption{transport.ServiceWorkers(3)}, 3, 47, 0},
		"workers, few may wait": {[]transport.ServiceOption{transport.ServiceWorkers(3), transport.ServiceMaxWaiting(7)},
			3, 7, 40},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var running atomic.Int64
				release := make(chan struct{})
				p, s, stop := servePipes(t, blocking(&running, release), tc.options...)
				defer stop()
				nc := p.dial(t)
				defer nc.Close()
				answers := readAll(nc)
				write := func(frame []byte) {
					t.Helper()
					if _, err := nc.Write(frame); err != nil {
						t.Fatal(err)
					}
				}
				for id := range uint32(50) {
					write(request(t, id+1, "M", "x"))
				}
				for range tc.refused {
					if a := bounded.Receive(t, answers); !refusedAnswer(a) {
						t.Fatalf("got %+v", a)
					}
				}
				synctest.Wait()
				if n := int(running.Load()); n != tc.running || len(answers) > 0 {
					t.Errorf("%d run, %d more are answered", n, len(answers))
				}
				stats := s.Stats()
				refused := stats.Refused.ConnCalls + stats.Refused.Calls + stats.Refused.Waiting
				if stats.InFlight != tc.running+tc.waiting || stats.Waiting != tc.waiting || int(refused) != tc.refused {
					t.Errorf("the figures are %+v", stats)
				}
				write(native.Protocol{}.AppendKeepAlive(nil, 1000))
				if a := bounded.Receive(t, answers); a.id != 1000 || a.kind != 6 {
					t.Errorf("the ping is answered with %+v", a)
				}
				write(native.Protocol{}.AppendCancel(nil, 2))
				if a := bounded.Receive(t, answers); a.id != 2 || a.err == nil {
					t.Errorf("the cancel is followed by %+v", a)
				}
				close(release)
				for range tc.running + tc.waiting - 1 {
					if a := bounded.Receive(t, answers); a.err != nil {
						t.Errorf("got %+v", a)
					}
				}
				synctest.Wait()
				if stats := s.Stats(); stats.InFlight != 0 || stats.Waiting != 0 || stats.Working != 0 || stats.Bytes != 0 {
					t.Errorf("in the end the figures are %+v", stats)
				}
			})
		})
	}
}

// TestWaitingCallsTakeTurns: under ServiceWorkers a client with many calls delays others
// by one each.
func TestWaitingCallsTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _, stop := servePipes(t, map[string]*transport.Server{"M": rawServer(func(_ context.Context, r any) (any, error) {
			time.Sleep(time.Second)
			return r, nil
		})}, transport.ServiceWorkers(1))
		defer stop()
		greedy, modest := p.dial(t), p.dial(t)
		go readAll(greedy)
		if _, err := greedy.Write(batch(t, 100, "M")); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		start := time.Now()
		if _, err := modest.Write(request(t, 1, "M", "x")); err != nil {
			t.Fatal(err)
		}
		if a, err := readAnswer(modest); err != nil || a.body != "x" || time.Since(start) > 3*time.Second {
			t.Errorf("got %+v, %v after %v", a, err, time.Since(start))
		}
		greedy.Close()
		modest.Close()
		time.Sleep(2 * time.Second) // the bubble's, for the handler that runs
	})
}

// TestNobodyTakesAllPlacesToWait: a client with more calls than may wait for a worker leaves
// room for another's.
func TestNobodyTakesAllPlacesToWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var running atomic.Int64
		release := make(chan struct{})
		p, s, stop := servePipes(t, blocking(&running, release), transport.ServiceWorkers(1), transport.ServiceMaxWaiting(80))
		defer stop()
		greedy := p.dial(t)
		answers := readAll(greedy)
		if _, err := greedy.Write(batch(t, 200, "M")); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if n := s.Stats().Waiting; n < 70 || n >= 80 {
			t.Errorf("%d calls of one client wait, of 80 that may", n)
		}
		var others []net.Conn
		for range 4 {
			nc := p.dial(t)
			others = append(others, nc)
			if _, err := nc.Write(request(t, 1, "M", "x")); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		close(release)
		for _, nc := range others {
			if a, err := readAnswer(nc); err != nil || a.body != "x" {
				t.Errorf("a client beside it got %+v, %v", a, err)
			}
			nc.Close()
		}
		for range 200 {
			bounded.Receive(t, answers)
		}
		greedy.Close()
	})
}

// TestCancelledCallsGiveUpTheirPlaces: callers that leave while their calls wait for a
// worker are answered at once, unrun, and others wait in their places.
func TestCancelledCallsGiveUpTheirPlaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var running atomic.Int64
		release := make(chan struct{})
		p, s, stop := servePipes(t, blocking(&running, release), transport.ServiceWorkers(1), transport.ServiceMaxWaiting(11))
		defer stop()
		nc := p.dial(t)
		defer nc.Close()
		answers := readAll(nc)
		write := func(frame []byte) {
			if _, err := nc.Write(frame); err != nil {
				t.Fatal(err)
			}
		}
		write(batch(t, 11, "M"))
		for id := uint32(2); id <= 11; id++ {
			write(native.Protocol{}.AppendCancel(nil, id))
			var e *transport.Error
			if a := bounded.Receive(t, answers); a.id != id || !errors.As(a.err, &e) || e.Code != transport.CodeCanceled || !e.NotRun {
				t.Fatalf("got %+v", a)
			}
		}
		write(batch(t, 21, "M")[len(batch(t, 11, "M")):])
		synctest.Wait()
		if stats := s.Stats(); len(answers) > 0 || stats.Waiting != 10 || stats.Working != 1 {
			t.Errorf("%d are answered, the figures are %+v", len(answers), stats)
		}
		close(release)
		collect(t, answers, 11)
	})
}

// TestSecondUseOfAnIDEndsTheConnection: nobody is answered, the report names the id, and what the
// frames took is given back. When the first call was answered, or is one-way, the id may be used again.
func TestSecondUseOfAnIDEndsTheConnection(t *testing.T) {
	oneWay, err := native.Protocol{}.AppendRequest(nil, 7, &transport.Message{Method: "M", OneWay: true})
	if err != nil {
		t.Fatal(err)
	}
	for name, second := range map[string][]byte{"call": request(t, 7, "M", "y"), "unknown method": request(t, 7, "N", ""), "one-way": oneWay,
		"a large call": frameOf(t, 60<<10, 7, "M"), "one that is too large": frameOf(t, 70<<10, 7, "M")} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var running atomic.Int64
				reports := make(chan error, 10)
				p, s, stop := servePipes(t, blocking(&running, nil), transport.ServiceMaxFrameSize(64<<10), transport.ServiceErrorHandler(
					kittransport.ErrorHandlerFunc(func(_ context.Context, err error) { reports <- err })))
				defer stop()
				nc := p.dial(t)
				go func() { _, _ = nc.Write(append(request(t, 7, "M", "x"), second...)) }()
				answers := readAll(nc)
				if a, ok := bounded.Open(t, answers); ok {
					t.Errorf("somebody was answered: %+v", a)
				}
				if err := bounded.Receive(t, reports); !errors.Is(err, muxpool.ErrProtocol) || !strings.Contains(err.Error(), "id 7") {
					t.Errorf("reported %v", err)
				}
				synctest.Wait()
				if running.Load() != 0 {
					t.Error("the first call runs on")
				}
				if st := s.Stats(); st.InFlight != 0 || st.Bytes != 0 {
					t.Errorf("left are %+v", st)
				}
			})
		})
	}
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var running atomic.Int64
		p, _, stop := servePipes(t, blocking(&running, release))
		defer stop()
		nc := p.dial(t)
		defer nc.Close()
		answers := readAll(nc)
		write := func(frame []byte) {
			if _, err := nc.Write(frame); err != nil {
				t.Fatal(err)
			}
		}
		write(oneWay)
		write(oneWay)
		write(request(t, 7, "M", "0"))
		synctest.Wait()
		if running.Load() != 3 {
			t.Errorf("%d calls run", running.Load())
		}
		close(release)
		for i := range 100 {
			if a := bounded.Receive(t, answers); a.err != nil || a.body != fmt.Sprint(i) {
				t.Fatalf("call %d: %+v", i, a)
			}
			write(request(t, 7, "M", fmt.Sprint(i+1))) // at once
		}
	})
}
