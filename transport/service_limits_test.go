package transport_test

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	kittransport "github.com/go-kit/kit/transport"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// servePipes starts a Service inside of a bubble; stop ends it.
func servePipes(t *testing.T, methods map[string]*transport.Server, options ...transport.ServiceOption) (p *pipes, s *transport.Service, stop func()) {
	t.Helper()
	return servePipesOf(t, native.Protocol{}, methods, options...)
}

func servePipesOf(t *testing.T, protocol transport.ServerProtocol, methods map[string]*transport.Server, options ...transport.ServiceOption) (p *pipes, s *transport.Service, stop func()) {
	t.Helper()
	p, s = newPipes(), transport.NewService(protocol, options...)
	for method, server := range methods {
		s.Handle(method, server)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := s.Serve(p); err != transport.ErrServiceClosed {
			t.Errorf("Serve: %v", err)
		}
	})
	return p, s, func() { s.Close(); wg.Wait(); synctest.Wait() }
}

// closesAfter reads from nc until it ends and checks how long that took.
func closesAfter(t *testing.T, nc net.Conn, limit time.Duration) {
	t.Helper()
	start := time.Now()
	_, _ = io.Copy(io.Discard, nc)
	if took := time.Since(start); took != limit {
		t.Errorf("closed after %v, not %v", took, limit)
	}
}

func TestSlowFrameIsCutAtItsLimit(t *testing.T) {
	full := request(t, 1, "M", "body")
	for name, bytes := range map[string]int{"header": 1, "body": len(full) - 1} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, _, stop := servePipes(t, map[string]*transport.Server{"M": rawServer(echo)})
				defer stop()
				nc := p.dial(t)
				go func() { // as many bytes, evenly over four seconds: trickling gains nothing
					for i := range bytes {
						if _, err := nc.Write(full[i : i+1]); err != nil {
							return
						}
						time.Sleep(4 * time.Second / time.Duration(bytes))
					}
				}()
				closesAfter(t, nc, 5*time.Second+time.Duration(bytes)*time.Second/(16<<10))
			})
		})
	}
}

func TestIdleConnectionIsClosedAtItsLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _, stop := servePipes(t, map[string]*transport.Server{"M": rawServer(echo)})
		defer stop()
		nc := p.dial(t)
		time.Sleep(40 * time.Second)
		if _, err := nc.Write(request(t, 1, "M", "x")); err != nil {
			t.Fatal(err)
		}
		if a, err := readAnswer(nc); err != nil || a.body != "x" {
			t.Fatalf("got %+v, %v", a, err)
		}
		start := time.Now()
		if a, err := readAnswer(nc); err != nil || a.kind != 7 {
			t.Errorf("got %+v, %v, not a going-away", a, err)
		}
		if took := time.Since(start); took != 60*time.Second {
			t.Errorf("idle for %v", took)
		}
		closesAfter(t, nc, time.Second+5*time.Millisecond) // for the client to close it
	})
}

func TestConnectionWithACallIsNotIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _, stop := servePipes(t, map[string]*transport.Server{"M": rawServer(func(_ context.Context, r any) (any, error) {
			time.Sleep(10 * time.Minute)
			return r, nil
		})})
		defer stop()
		nc := p.dial(t)
		if _, err := nc.Write(request(t, 1, "M", "x")); err != nil {
			t.Fatal(err)
		}
		if a, err := readAnswer(nc); err != nil || a.body != "x" {
			t.Fatalf("got %+v, %v", a, err)
		}
		nc.Close()
	})
}

func TestConnectionOverTheLimitIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _, stop := servePipes(t, map[string]*transport.Server{"M": rawServer(echo)}, transport.ServiceMaxConns(1000))
		defer stop()
		conns := make([]net.Conn, 1000)
		for i := range conns {
			conns[i] = p.dial(t)
		}
		closesAfter(t, p.dial(t), 0)
		conns[0].Close()
		synctest.Wait()
		nc := p.dial(t) // there is room again
		if _, err := nc.Write(request(t, 1, "M", "x")); err != nil {
			t.Fatal(err)
		}
		if a, err := readAnswer(nc); err != nil || a.body != "x" {
			t.Errorf("got %+v, %v", a, err)
		}
	})
}

// starved is a listener that is out of file descriptors for a while.
type starved struct {
	*pipes
	until    time.Time
	attempts atomic.Int64
}

func (s *starved) Accept() (net.Conn, error) {
	if s.attempts.Add(1); time.Now().Before(s.until) {
		return nil, &net.OpError{Op: "accept", Err: syscall.EMFILE}
	}
	return s.pipes.Accept()
}

func TestAcceptSurvivesBeingOutOfDescriptors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &starved{pipes: newPipes(), until: time.Now().Add(10 * time.Second)}
		var reports atomic.Int64
		s := transport.NewService(native.Protocol{}, transport.ServiceErrorHandler(kittransport.ErrorHandlerFunc(
			func(_ context.Context, err error) {
				if errors.Is(err, syscall.EMFILE) {
					reports.Add(1)
				}
			})))
		s.Handle("M", rawServer(echo))
		var wg sync.WaitGroup
		wg.Go(func() { _ = s.Serve(l) })
		nc := l.dial(t)
		if late := time.Since(l.until); late > time.Second {
			t.Errorf("accepted %v after descriptors were free", late)
		}
		if n := l.attempts.Load(); n > 25 {
			t.Errorf("%d attempts in 10 s", n)
		}
		if reports.Load() == 0 {
			t.Error("nobody was told")
		}
		nc.Close()
		s.Close()
		bounded.Wait(t, wg.Wait)
	})
}

// TestAServiceThatEndsDoesNotWaitToAcceptAgain: Serve returns at once, also between two attempts.
func TestAServiceThatEndsDoesNotWaitToAcceptAgain(t *testing.T) {
	for name, end := range map[string]func(*transport.Service) error{
		"Close":    (*transport.Service).Close,
		"Shutdown": func(s *transport.Service) error { return s.Shutdown(context.Background()) },
	} {
		synctest.Test(t, func(t *testing.T) {
			s, served := transport.NewService(native.Protocol{}), make(chan error, 1)
			go func() { served <- s.Serve(&starved{pipes: newPipes(), until: time.Now().Add(time.Hour)}) }()
			time.Sleep(10 * time.Second) // of bubble time, until the pauses have their full second
			begin := time.Now()
			if err := end(s); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if err := bounded.Receive(t, served); !errors.Is(err, transport.ErrServiceClosed) || time.Since(begin) != 0 {
				t.Errorf("%s: Serve returns %v, after %v", name, err, time.Since(begin))
			}
		})
	}
}

func TestTooManyCallsInAllAreTurnedAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		p, _, stop := servePipes(t, map[string]*transport.Server{"M": rawServer(func(_ context.Context, r any) (any, error) {
			<-release
			return r, nil
		})}, transport.ServiceMaxInFlight(0, 2))
		defer stop()
		nc := p.dial(t)
		answers := readAll(nc)
		for id := range uint32(3) {
			if _, err := nc.Write(request(t, id+1, "M", "x")); err != nil {
				t.Fatal(err)
			}
		}
		a := bounded.Receive(t, answers)
		var e *transport.Error
		if a.id != 3 || !errors.As(a.err, &e) || e.Code != transport.CodeResourceExhausted {
			t.Errorf("got %+v", a)
		}
		close(release)
		if first, second := bounded.Receive(t, answers), bounded.Receive(t, answers); first.err != nil || second.err != nil {
			t.Errorf("got %+v, %+v", first, second)
		}
		nc.Close()
	})
}

// faulty is a listener whose Accept fails as it is told, and notes when it was called.
type faulty struct {
	*pipes
	fail  []bool // one for each call; then it waits
	calls []time.Time
}

func (l *faulty) Accept() (net.Conn, error) {
	l.calls = append(l.calls, time.Now())
	if n := len(l.calls); n <= len(l.fail) {
		if l.fail[n-1] {
			return nil, &net.OpError{Op: "accept", Err: syscall.EMFILE}
		}
		nc, theirs := net.Pipe()
		nc.Close()
		return theirs, nil
	}
	return l.pipes.Accept()
}

// TestAcceptWaitsAnewAfterARecovery: a listener that fails, recovers and fails again is
// waited for as briefly as the first time.
func TestAcceptWaitsAnewAfterARecovery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &faulty{pipes: newPipes(), fail: []bool{true, true, true, true, false, true, true}}
		s := transport.NewService(native.Protocol{})
		s.Handle("M", rawServer(echo))
		var wg sync.WaitGroup
		wg.Go(func() { _ = s.Serve(l) })
		time.Sleep(time.Minute)
		s.Close()
		bounded.Wait(t, wg.Wait)
		var waits []time.Duration
		for i := 1; i < len(l.calls); i++ {
			waits = append(waits, l.calls[i].Sub(l.calls[i-1]))
		}
		const ms = time.Millisecond
		if want := []time.Duration{5 * ms, 10 * ms, 20 * ms, 40 * ms, 0, 5 * ms, 10 * ms}; !slices.Equal(waits, want) {
			t.Errorf("waited %v, not %v", waits, want)
		}
	})
}
