package breaker_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/kit/endpoint"

	"github.com/muxkit/muxkit/breaker"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/verdict"
)

// pinger is a target's probe, which a test steers.
type pinger struct {
	mu  sync.Mutex
	at  []time.Time // when it ran
	err error
}

func (p *pinger) probe(context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.at = append(p.at, time.Now())
	return p.err
}

func (p *pinger) answer(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.err = err
}

// waits returns how long after began, and after each other, the first n runs were.
func (p *pinger) waits(began time.Time, n int) (waits []time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, at := range p.at[:min(n, len(p.at))] {
		waits, began = append(waits, at.Sub(began)), at
	}
	return waits
}

func (p *pinger) runs() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.at)
}

func (f *fixture) guard(node muxpool.Node, probe func(context.Context) error) *breaker.Guard {
	g := f.Scope("").Guard(breaker.Target{Node: node})
	g.ProbeWith(probe)
	return g
}

// target makes calls to a node that has a probe.
func (f *fixture) target(node muxpool.Node, p *pinger) (call func(endpoint.Endpoint) error) {
	g := f.guard(node, p.probe)
	return func(ep endpoint.Endpoint) error {
		_, err := g.Middleware()(ep)(context.Background(), nil)
		return err
	}
}

// after lets time pass.
func after(d time.Duration) {
	time.Sleep(d) // of bubble time
	synctest.Wait()
}

func (f *fixture) stall(node muxpool.Node) {
	f.emit(node, muxpool.NodeExpelled, muxpool.ReasonStalled, errSick)
}

// Whatever the time of its ejections has grown to: the probes cost no user a call.
func TestANodeThatThePoolGaveUpIsBackWithinASecondOfItsReturn(t *testing.T) {
	for _, proof := range []error{nil, breaker.ErrConnectOnly} {
		bubble(t, []breaker.Option{breaker.WithEjectionTime(time.Hour, time.Hour)}, func(f *fixture) {
			p := &pinger{err: errSick}
			call := f.target(nodeA, p)
			began := time.Now()
			f.expel(nodeA)
			after(40 * time.Second)
			want := []time.Duration{100, 200, 400, 750, 750, 750}
			for i := range want {
				want[i] *= time.Millisecond
			}
			if got := p.waits(began, 6); !slices.Equal(got, want) {
				t.Errorf("probed after %v, want %v", got, want)
			}
			if e := f.open(nodeA, breaker.ReasonNodeExpelled); e.RetryAfter > 750*time.Millisecond {
				t.Errorf("retry after %v", e.RetryAfter)
			}
			p.answer(proof)
			after(750 * time.Millisecond)
			f.state(nodeA, breaker.Closed)
			if st, _ := f.StatusOf(nodeA); st.Totals != (breaker.Totals{}) {
				t.Errorf("that cost calls: %+v", st.Totals)
			}
			if err := call(endpoint.Nop); err != nil {
				t.Error(err)
			}
			runs := p.runs()
			after(time.Hour)
			if p.runs() != runs {
				t.Error("a healthy node is probed")
			}
		})
	}
}

// A probe that comes when the node is out already tries it, as one that was there before.
func TestAProbeThatComesLate(t *testing.T) {
	bubble(t, []breaker.Option{breaker.WithEjectionTime(time.Hour, time.Hour)}, func(f *fixture) {
		g := f.Scope("").Guard(breaker.Target{Node: nodeA})
		f.expel(nodeA)
		after(time.Minute)
		f.open(nodeA, breaker.ReasonNodeExpelled)
		p := &pinger{}
		g.ProbeWith(p.probe)
		after(time.Second)
		f.state(nodeA, breaker.Closed)
		g.ProbeWith(p.probe)
		if after(time.Minute); p.runs() != 1 {
			t.Errorf("probed %d times, want once", p.runs())
		}
	})
}

// A dial into a network that drops everything takes its time: that is not added to the wait.
func TestALongProbeIsFollowedByTheNextAtOnce(t *testing.T) {
	bubble(t, nil, func(f *fixture) {
		p := &pinger{err: errSick}
		f.guard(nodeA, func(ctx context.Context) error {
			defer func() {
				select {
				case <-time.After(time.Second):
				case <-ctx.Done():
				}
			}()
			return p.probe(ctx)
		})
		f.expel(nodeA)
		after(100*time.Millisecond + 10*time.Second - time.Nanosecond)
		if n := p.runs(); n != 10 {
			t.Errorf("%d probes in 10 s, want 10", n)
		}
	})
}

// While probes fail, the pool's events, which they cause, do not make their results late.
func TestEventsOfAProbesOwnDialDoNotDisturbIt(t *testing.T) {
	bubble(t, nil, func(f *fixture) {
		p := &pinger{err: errSick}
		f.guard(nodeA, func(ctx context.Context) error {
			if err := p.probe(ctx); err != nil {
				f.expel(nodeA)
				return err
			}
			f.ready(nodeA)
			return nil
		})
		f.expel(nodeA)
		after(10 * time.Second)
		if n := p.runs(); n < 13 || n > 17 {
			t.Errorf("%d probes in 10 s", n)
		}
		p.answer(nil)
		after(time.Second)
		f.state(nodeA, breaker.Closed)
		if st, _ := f.StatusOf(nodeA); st.Totals.Late != 0 || st.Ejections != 1 {
			t.Errorf("%d late, %d ejections, want none and one", st.Totals.Late, st.Ejections)
		}
	})
}

// An event during a probe is about what came after: the probe's answer proves nothing.
func TestEventDuringATargetsProbeIsNotLost(t *testing.T) {
	bubble(t, nil, func(f *fixture) {
		p := &pinger{}
		f.guard(nodeA, func(ctx context.Context) error {
			if p.runs() == 0 {
				f.stall(nodeA)
			}
			return p.probe(ctx)
		})
		f.expel(nodeA)
		after(100 * time.Millisecond)
		f.state(nodeA, breaker.Open)
		after(100 * time.Millisecond)
		f.state(nodeA, breaker.Closed)
		if st, _ := f.StatusOf(nodeA); p.runs() != 2 || st.Totals.Late != 1 {
			t.Errorf("%d probes, of which %d came too late, want two and one", p.runs(), st.Totals.Late)
		}
	})
}

// The call that finds the connection again is no probe that others have to wait for.
func TestWhatThePoolAloneOpenedThePoolCloses(t *testing.T) {
	bubble(t, nil, func(f *fixture) {
		f.expel(nodeA)
		after(500 * time.Millisecond) // no probe: the first call tries it
		go f.slowCall(nodeA, 2*time.Second)
		after(time.Millisecond)
		f.open(nodeA, breaker.ReasonNodeExpelled)
		f.ready(nodeA)
		f.state(nodeA, breaker.Closed)
		if err := f.call(nodeA, nil); err != nil {
			t.Errorf("a fast call beside the slow one: %v", err)
		}
		after(2 * time.Second)
		f.state(nodeA, breaker.Closed)
	})
}

// Calls that were lost with their connections are the same incident. Calls that failed
// otherwise are not.
func TestCallsLostWithTheirConnectionsKeepNoNodeOut(t *testing.T) {
	for _, c := range []struct {
		failure error
		want    breaker.State
	}{
		{verdict.Tell(errSick, verdict.Verdict{Code: verdict.CodeUnavailable, Whose: verdict.Path}), breaker.Closed},
		{&muxpool.Error{Op: "read", Node: nodeA, Err: muxpool.ErrStalled}, breaker.Closed},
		{errSick, breaker.Open},
		{told(verdict.CodeInternal), breaker.Open},
	} {
		for name, comes := range map[string]func(*fixture){
			"the pool says so":    func(f *fixture) { f.ready(nodeA) },
			"a probe is answered": func(*fixture) { after(time.Second) },
		} {
			bubble(t, []breaker.Option{breaker.WithEjectionTime(time.Minute, 0)}, func(f *fixture) {
				call := f.target(nodeA, &pinger{})
				for range 5 {
					call(func(context.Context, any) (any, error) { return nil, c.failure })
				}
				f.open(nodeA, breaker.ReasonConsecutiveFailures)
				f.expel(nodeA)
				comes(f)
				if st, _ := f.StatusOf(nodeA); st.State != c.want {
					t.Errorf("%s, after calls that failed with %v: %s, want %s", name, c.failure, st.State, c.want)
				}
				after(time.Minute)
				if c.want == breaker.Open {
					f.state(nodeA, breaker.HalfOpen)
				}
			})
		}
	}
}

// After a silence a connect proves nothing, neither the probe's nor the pool's.
func TestASilentNodeIsProvedByAnAnswer(t *testing.T) {
	bubble(t, []breaker.Option{breaker.WithEjectionTime(10*time.Second, 0)}, func(f *fixture) {
		p := &pinger{err: errSick}
		f.target(nodeA, p)
		f.stall(nodeA)
		after(5 * time.Second)
		runs := p.runs()
		f.ready(nodeA) // it has connected
		synctest.Wait()
		if f.state(nodeA, breaker.Open); p.runs() != runs+1 {
			t.Errorf("%d probes at once, want one", p.runs()-runs)
		}
		p.answer(nil)
		after(time.Second)
		f.state(nodeA, breaker.Closed)

		p.answer(breaker.ErrConnectOnly) // a protocol that cannot ask
		runs = p.runs()
		f.stall(nodeA)
		after(20*time.Second - time.Millisecond)
		if f.state(nodeA, breaker.Open); p.runs() != runs+1 {
			t.Errorf("%d probes that can prove nothing, want one", p.runs()-runs)
		}
		after(2 * time.Millisecond)
		f.state(nodeA, breaker.HalfOpen) // a user's call proves the rest
	})
}

// Nobody hammers a peer that turns everybody away, and nobody in step.
func TestARefusedHandshakeIsAskedEverLessOften(t *testing.T) {
	bubble(t, nil, func(f *fixture) {
		p := &pinger{err: errSick}
		f.target(nodeA, p)
		began := time.Now()
		f.emit(nodeA, muxpool.NodeExpelled, muxpool.ReasonHandshakeFailed, errSick)
		after(10 * time.Minute)
		var want []time.Duration
		for _, s := range []time.Duration{1, 2, 4, 8, 16, 32, 60, 60, 60} {
			want = append(want, s*time.Second)
		}
		if got := p.waits(began, len(want)); !slices.Equal(got, want) {
			t.Errorf("probed after %v, want %v", got, want)
		}
		p.answer(nil)
		after(time.Minute)
		f.state(nodeA, breaker.Closed)
		p.answer(errSick)
		asked := p.runs()
		f.emit(nodeA, muxpool.NodeExpelled, muxpool.ReasonHandshakeFailed, errSick)
		after(3500 * time.Millisecond)
		if n := p.runs() - asked; n != 2 { // after 1 s and 3 s, as at first
			t.Errorf("when it was back and is refused anew, it is asked %d times in 3.5 s", n)
		}
	})
}

func TestProbesHaveJitter(t *testing.T) {
	user := &prober{err: errSick}
	for _, own := range []bool{true, false} {
		opts, interval := []breaker.Option{breaker.WithJitter(0.2)}, 750*time.Millisecond
		if !own {
			interval = time.Second
			opts = append(opts, breaker.WithProbe(user.probe, interval))
		}
		bubble(t, opts, func(f *fixture) {
			p := &pinger{err: errSick}
			f.target(nodeA, p)
			var at []time.Time
			f.expel(nodeA)
			after(5 * time.Second)
			for range 20 {
				var open *breaker.OpenError
				if !errors.As(f.Check(nodeA), &open) {
					t.Fatal("the node is back")
				}
				at = append(at, time.Now().Add(open.RetryAfter))
				after(open.RetryAfter + time.Nanosecond)
			}
			different := map[time.Duration]bool{}
			for i, t1 := range at[1:] {
				d := t1.Sub(at[i])
				different[d] = true
				if d < interval*8/10-time.Microsecond || d > interval+time.Microsecond {
					t.Errorf("own %v: %v between two probes", own, d)
				}
			}
			if len(different) < 10 {
				t.Errorf("own %v: %d of 19 intervals differ", own, len(different))
			}
		})
	}
}

// Without a probe, users' calls are it; what calls have put out they try in any case.
func TestUsersCallsTryWhatNoProbeCan(t *testing.T) {
	for name, c := range map[string]struct {
		opts []breaker.Option
		out  func(*fixture)
	}{
		"WithoutProbe":    {[]breaker.Option{breaker.WithoutProbe()}, func(f *fixture) { f.expel(nodeA) }},
		"calls failed":    {nil, func(f *fixture) { f.calls(nodeA, 5, errSick) }},
		"tripped by hand": {nil, func(f *fixture) { f.Trip(nodeA, nil) }},
	} {
		bubble(t, c.opts, func(f *fixture) {
			p := &pinger{}
			f.target(nodeA, p)
			c.out(f)
			after(499 * time.Millisecond)
			f.state(nodeA, breaker.Open)
			after(time.Millisecond)
			if f.state(nodeA, breaker.HalfOpen); p.runs() != 0 {
				t.Errorf("%s: %d probes", name, p.runs())
			}
		})
	}
}

// An update, each 20 ms, of what a probe of 60 ms goes by does not throw the probe away.
func TestUpdatesKeepATargetsProbe(t *testing.T) {
	bubble(t, nil, func(f *fixture) {
		f.guard(nodeA, func(context.Context) error {
			time.Sleep(60 * time.Millisecond)
			return nil
		})
		f.expel(nodeA)
		for range 20 {
			after(20 * time.Millisecond)
			f.Update(breaker.WithMaxEjection(0.5))
		}
		f.state(nodeA, breaker.Closed)
	})
}

// A dead process was dropped by discovery, and another one is named at its address.
func TestANodeThatIsNamedAgainIsProbedAtOnce(t *testing.T) {
	opts := []breaker.Option{breaker.WithEjectionTime(time.Second, time.Hour)}
	bubble(t, opts, func(f *fixture) {
		p := &pinger{err: errSick}
		f.target(nodeA, p)
		release := f.Hold(nodeA)
		f.emit(nodeA, muxpool.NodeExpelled, muxpool.ReasonHandshakeFailed, errSick)
		after(5 * time.Minute)
		release()
		runs := p.runs()
		after(5 * time.Minute)
		if p.runs() != runs {
			t.Errorf("%d probes of an address that is nobody's any more", p.runs()-runs)
		}
		f.state(nodeA, breaker.Open)
		release = f.Hold(nodeA)
		synctest.Wait()
		release() // it was in vain
		after(100 * time.Millisecond)
		p.answer(nil)
		release = f.Hold(nodeA)
		synctest.Wait()
		f.state(nodeA, breaker.Closed)
		release()
	})
	bubble(t, opts, func(f *fixture) { // calls, or the pool without a probe: a first ejection
		release := f.Hold(nodeA)
		f.calls(nodeA, 5, errSick)
		f.expel(nodeA)
		for range 6 {
			after(time.Hour)
			f.call(nodeA, errSick)
		}
		release()
		after(time.Millisecond)
		f.Hold(nodeA)
		f.state(nodeA, breaker.Open)
		after(time.Second)
		f.state(nodeA, breaker.HalfOpen)
	})
}

// A call through a Middleware that outlives the Hold finds the time over.
func TestANodeThatWasLetGoTakesCallsAgain(t *testing.T) {
	bubble(t, nil, func(f *fixture) {
		call := f.target(nodeA, &pinger{err: errSick})
		release := f.Hold(nodeA)
		f.expel(nodeA)
		after(10 * time.Second)
		release()
		if err := call(endpoint.Nop); err != nil {
			t.Error(err)
		}
		f.state(nodeA, breaker.Closed)
	})
}

// What a balancer needs for slow starts, and to let calls go first that may be repeated.
func TestAGuardTellsWhenItsNodeCameBack(t *testing.T) {
	bubble(t, nil, func(f *fixture) {
		g := f.Scope("").Guard(breaker.Target{Node: nodeA, Method: "M"})
		f.Scope("").Guard(breaker.Target{Node: nodeA, Method: "N"})
		f.Scope("").Guard(breaker.Target{Node: nodeB, Method: "M"})
		see := func(when string, back, trying time.Time) {
			t.Helper()
			if got := g.Back(); !got.Equal(back) || !g.Trying().Equal(trying) {
				t.Errorf("%s: back at %v, trying %v, want %v, %v", when, got, g.Trying(), back, trying)
			}
		}
		never := time.Time{}
		see("never out", never, never)
		f.Trip(nodeA, nil)
		see("out", never, never)
		after(500 * time.Millisecond)
		half := time.Now()
		see("half-open", never, half)
		after(time.Second)
		see("half-open for a while", never, half)
		f.Update(breaker.WithObserveOnly(true))
		see("half-open, and observed", never, never)
		f.Update(breaker.WithObserveOnly(false))
		ep := g.Middleware()
		ep(func(context.Context, any) (any, error) {
			see("tried", never, never)
			return nil, nil
		})(context.Background(), nil)
		back := time.Now()
		see("back", back, never)
		after(time.Second)
		f.Update(breaker.WithProbes(1))
		see("back, and updated", back, never)
		for range 5 {
			ep(func(context.Context, any) (any, error) { return nil, told(verdict.CodeInternal) })(context.Background(), nil)
		}
		see("its method out", back, never)
		after(500 * time.Millisecond)
		see("its method half-open", back, time.Now())
	})
}
