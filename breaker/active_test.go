package breaker_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muxkit/muxkit/breaker"
	"github.com/muxkit/muxkit/muxpool"
)

// prober is a Prober that the test steers.
type prober struct {
	hang   chan struct{} // not nil: wait for it, deaf to the context
	during func()        // called in the first run

	mu   sync.Mutex
	runs int
	err  error
}

func (p *prober) probe(ctx context.Context, node muxpool.Node) error {
	p.mu.Lock()
	p.runs++
	first := p.runs == 1
	p.mu.Unlock()
	if p.during != nil && first {
		p.during()
	}
	if p.hang != nil {
		<-p.hang
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

func (p *prober) answer(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.err = err
}

func (p *prober) ran(t *testing.T, times int) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.runs != times {
		t.Errorf("%d probes, want %d", p.runs, times)
	}
}

func withProber(p *prober, more ...breaker.Option) []breaker.Option {
	return append([]breaker.Option{breaker.WithProbe(p.probe, time.Second)}, more...)
}

// A node whose connections are gone comes back without costing a call, and its
// dead time makes no later ejection longer.
func TestActiveProbeBringsADeadNodeBack(t *testing.T) {
	p := &prober{err: errSick}
	bubble(t, withProber(p, breaker.WithEjectionTime(10*time.Second, 0)), func(f *fixture) {
		f.expel(nodeA)
		time.Sleep(5*time.Second + time.Nanosecond)
		synctest.Wait()
		p.ran(t, 5)
		if e := f.open(nodeA, breaker.ReasonProbeFailed); !errors.Is(e, errSick) || e.RetryAfter > time.Second {
			t.Errorf("got %v, retry after %v", e, e.RetryAfter)
		}
		p.answer(nil)
		time.Sleep(time.Second)
		synctest.Wait()
		f.state(nodeA, breaker.Closed)
		if st, _ := f.StatusOf(nodeA); st.Level != 1 || st.Totals.Failures+st.Totals.Successes != 0 {
			t.Errorf("level %d, totals %+v", st.Level, st.Totals)
		}
		time.Sleep(time.Hour)
		p.ran(t, 6)
	})
}

// After calls that failed the whole ejection is waited for; no user's call is a
// probe meanwhile or then.
func TestActiveProbeWaitsForTheEjection(t *testing.T) {
	p := &prober{err: errSick}
	bubble(t, withProber(p, breaker.WithEjectionTime(10*time.Second, 0)), func(f *fixture) {
		f.calls(nodeA, 5, errSick)
		time.Sleep(10*time.Second - time.Millisecond)
		p.ran(t, 0)
		time.Sleep(2 * time.Millisecond)
		synctest.Wait()
		f.open(nodeA, breaker.ReasonProbeFailed)
		p.answer(nil)
		time.Sleep(time.Second)
		synctest.Wait()
		f.state(nodeA, breaker.Closed)
	})
}

// What an order has made known of a node is not probed beside those that call it.
func TestAnActiveProbeIsForThoseThatCall(t *testing.T) {
	p := &prober{err: errSick}
	bubble(t, withProber(p, breaker.WithEjectionTime(10*time.Second, 0)), func(f *fixture) {
		f.Trip(nodeA, nil)
		f.Reset(nodeA)
		f.Scope("shop").Guard(breaker.Target{Node: nodeA})
		f.Trip(nodeA, nil)
		time.Sleep(12*time.Second + time.Millisecond)
		synctest.Wait()
		p.ran(t, 3)
	})
}

func TestPoolReadyHastensTheProbe(t *testing.T) {
	p := &prober{}
	bubble(t, withProber(p), func(f *fixture) {
		f.expel(nodeA)
		f.ready(nodeA)
		synctest.Wait()
		f.state(nodeA, breaker.Closed)
		p.ran(t, 1)
	})
}

// An event during a probe is about what came after: the probe proves nothing.
func TestEventDuringAnActiveProbeIsNotLost(t *testing.T) {
	p := &prober{}
	bubble(t, withProber(p), func(f *fixture) {
		p.during = func() { f.expel(nodeA) }
		f.expel(nodeA)
		time.Sleep(600 * time.Millisecond)
		synctest.Wait()
		f.state(nodeA, breaker.Open)
		p.ran(t, 1)
		if st, _ := f.StatusOf(nodeA); st.Totals.Late != 1 {
			t.Errorf("%d came too late, want the probe alone", st.Totals.Late)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		f.state(nodeA, breaker.Closed)
	})
}

// A Prober that hangs costs one goroutine, and users' calls take over.
func TestHangingProberDoesNotWedge(t *testing.T) {
	p := &prober{hang: make(chan struct{})}
	bubble(t, withProber(p, breaker.WithProbeTimeout(2*time.Second)), func(f *fixture) {
		p.hang = make(chan struct{}) // of this bubble
		f.expel(nodeA)
		time.Sleep(500*time.Millisecond + 2*time.Second + time.Nanosecond)
		synctest.Wait()
		f.open(nodeA, breaker.ReasonProbeFailed)
		time.Sleep(time.Second)
		synctest.Wait()
		f.state(nodeA, breaker.HalfOpen)
		f.call(nodeA, nil)
		f.state(nodeA, breaker.Closed)
		close(p.hang)
		synctest.Wait()
		p.ran(t, 1)
	})
}

func TestProbeEndsWithTheGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got error
		g := breaker.NewGroup(breaker.WithProbe(func(ctx context.Context, _ muxpool.Node) error {
			<-ctx.Done()
			got = ctx.Err()
			return got
		}, time.Second))
		g.Trip(nodeA, nil)
		time.Sleep(time.Second)
		g.Close()
		synctest.Wait()
		if got != context.Canceled {
			t.Errorf("the probe's context: %v", got)
		}
	})
}

type fakePool struct {
	err    error
	closed int
}

func (p *fakePool) GetMuxConn(ctx context.Context, network, address string, _ muxpool.GetOptions) (muxpool.MuxConn, error) {
	if p.err != nil {
		return nil, p.err
	}
	if network != nodeA.Network || address != nodeA.Address {
		return nil, errors.New("wrong node")
	}
	return &fakeConn{pool: p}, nil
}

type fakeConn struct {
	muxpool.MuxConn
	pool *fakePool
}

func (c *fakeConn) Close() { c.pool.closed++ }

func TestPoolProbe(t *testing.T) {
	pool := &fakePool{err: errSick}
	opts := muxpool.NewGetOptions()
	bare := breaker.PoolProbe(pool, opts, nil)
	if err := bare(context.Background(), nodeA); err != errSick {
		t.Errorf("no connection: %v", err)
	}
	pool.err = nil
	if err := bare(context.Background(), nodeA); err != breaker.ErrConnectOnly || pool.closed != 1 {
		t.Errorf("a connection: %v, %d closed", err, pool.closed)
	}
	for _, want := range []error{nil, errSick} {
		full := breaker.PoolProbe(pool, opts, func(_ context.Context, c muxpool.MuxConn) error { return want })
		if err := full(context.Background(), nodeA); err != want {
			t.Errorf("exchange said %v: got %v", want, err)
		}
	}
	if pool.closed != 3 {
		t.Errorf("%d connections closed, want 3", pool.closed)
	}
}

// What a bare connection proves depends on what went wrong.
func TestConnectProvesOnlyWhatItCan(t *testing.T) {
	for name, c := range map[string]struct {
		break_ func(f *fixture)
		want   breaker.State
	}{
		"dial failed": {func(f *fixture) { f.expel(nodeA) }, breaker.Closed},
		"stalled": {func(f *fixture) {
			f.emit(nodeA, muxpool.NodeExpelled, muxpool.ReasonStalled, errSick)
			f.expel(nodeA)
		}, breaker.HalfOpen},
		"calls failed": {func(f *fixture) { f.calls(nodeA, 5, errSick) }, breaker.HalfOpen},
	} {
		t.Run(name, func(t *testing.T) {
			p := &prober{err: breaker.ErrConnectOnly}
			bubble(t, withProber(p), func(f *fixture) {
				c.break_(f)
				time.Sleep(time.Second)
				synctest.Wait()
				f.state(nodeA, c.want)
				f.call(nodeA, nil)
				f.state(nodeA, breaker.Closed)
				f.expel(nodeA) // the silence is forgotten
				time.Sleep(time.Second)
				synctest.Wait()
				f.state(nodeA, breaker.Closed)
			})
		})
	}
}
