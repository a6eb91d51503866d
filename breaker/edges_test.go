package breaker_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muxkit/muxkit/breaker"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/verdict"
)

// What a Prober has begun with its context ends with its run.
func TestAProbersContextEndsWithItsRun(t *testing.T) {
	var seen context.Context
	opt := breaker.WithProbe(func(ctx context.Context, _ muxpool.Node) error { seen = ctx; return errSick }, time.Hour)
	bubble(t, []breaker.Option{opt, breaker.WithProbeTimeout(time.Hour)}, func(f *fixture) {
		f.expel(nodeA)
		after(time.Second)
		if seen == nil || seen.Err() != context.Canceled {
			t.Errorf("the context of a run that is over: %v", seen)
		}
	})
}

// A method takes as long as its successes, however soon it says no.
func TestUsualTimeIsThatOfSuccesses(t *testing.T) {
	bubble(t, nil, func(f *fixture) {
		for range 20 {
			f.slowCall(nodeA, 40*time.Millisecond)
		}
		for range 100 {
			f.Middleware(nodeA)(func(context.Context, any) (any, error) {
				time.Sleep(time.Millisecond) // of bubble time
				return nil, answered(verdict.ByCode(verdict.CodeNotFound))
			})(context.Background(), nil)
		}
		for range 10 {
			f.patient(nodeA, time.Hour, 30*time.Millisecond)
		}
		if st, _ := f.StatusOf(nodeA); st.State != breaker.Closed || st.Totals.Failures != 0 {
			t.Errorf("%+v", st)
		}
	})
}

// An error is an answer of its method as well: between two of them it was not silent.
func TestErrorsOfAMethodEndItsOwnSilence(t *testing.T) {
	inShop(t, nil, func(s *shop) {
		s.guard(nodeA, "Get")
		s.guard(nodeB, "Report")
		report := s.guard(nodeA, "Report")
		for range 20 {
			report.Middleware()(answersAfter(40*time.Millisecond))(context.Background(), nil)
		}
		for range 4 { // a fifth error in a row would be its end
			for range 50 {
				ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
				report.Middleware()(answersAfter(time.Hour))(ctx, nil)
				cancel()
			}
			through(report, told(verdict.CodeInternal))
			ready(t, true, report)
		}
	})
}

// Beside answers a call that got none must have had a second, and ten times what its method takes.
func TestMuchTimeBesideAnswers(t *testing.T) {
	for _, row := range []struct {
		usual, given time.Duration
		failures     uint64
	}{
		{time.Millisecond, time.Second - 1, 0}, {time.Millisecond, time.Second, 3},
		{200 * time.Millisecond, 2*time.Second - 1, 0}, {200 * time.Millisecond, 2 * time.Second, 3},
	} {
		bubble(t, only(), func(f *fixture) {
			for range 20 {
				f.slowCall(nodeA, row.usual)
			}
			for range 3 {
				time.AfterFunc(row.given/2, func() { f.call(nodeA, nil) })
				f.patient(nodeA, time.Hour, row.given)
			}
			if st, _ := f.StatusOf(nodeA); st.Totals.Failures != row.failures {
				t.Errorf("%v for a method of %v: %+v, want %d failures", row.given, row.usual, st.Totals, row.failures)
			}
		})
	}
}

// Where a node is named again, its probe begins as with the first failure.
func TestProbesOfANodeThatIsNamedAgainBeginAnew(t *testing.T) {
	bubble(t, []breaker.Option{breaker.WithEjectionTime(time.Hour, time.Hour)}, func(f *fixture) {
		p := &pinger{err: errSick}
		f.target(nodeA, p)
		release := f.Hold(nodeA)
		f.expel(nodeA)
		after(time.Minute)
		release()
		after(time.Minute)
		runs, began := p.runs(), time.Now()
		f.Hold(nodeA)
		after(5 * time.Second)
		want := []time.Duration{0, 200 * time.Millisecond, 400 * time.Millisecond, 750 * time.Millisecond, 750 * time.Millisecond}
		p.mu.Lock()
		p.at = p.at[runs:]
		p.mu.Unlock()
		if got := p.waits(began, len(want)); !slices.Equal(got, want) {
			t.Errorf("probed after %v, want %v", got, want)
		}
	})
}

// What an operator has ejected stays out as long as that, also when discovery names the node again.
func TestANodeThatIsNamedAgainStaysTripped(t *testing.T) {
	bubble(t, []breaker.Option{breaker.WithEjectionTime(time.Second, time.Hour)}, func(f *fixture) {
		release := f.Hold(nodeA)
		f.calls(nodeA, 5, errSick)
		after(time.Second)
		f.call(nodeA, nil)
		f.state(nodeA, breaker.Closed)
		f.Trip(nodeA, nil) // the second time: for 2 s
		release()
		f.Hold(nodeA)
		after(2*time.Second - 1)
		f.state(nodeA, breaker.Open)
		after(time.Nanosecond)
		f.state(nodeA, breaker.HalfOpen)
	})
}

// Who comes to a node after it was proved, or pardoned, finds it so.
func TestWhoComesLaterFindsTheNodeBack(t *testing.T) {
	for name, back := range map[string]func(f *fixture){
		"by its probe":    func(*fixture) { after(time.Second) },
		"by its operator": func(f *fixture) { f.Reset(nodeA) },
		"by the pool":     func(f *fixture) { f.ready(nodeA) },
	} {
		bubble(t, []breaker.Option{breaker.WithEjectionTime(time.Hour, time.Hour)}, func(f *fixture) {
			f.target(nodeA, &pinger{})
			f.expel(nodeA)
			back(f)
			f.state(nodeA, breaker.Closed)
			if g := f.Scope("later").Guard(breaker.Target{Node: nodeA}); !g.Ready() {
				t.Errorf("%s it is back, and who comes later is told %v", name, g.Check())
			}
		})
	}
}

// Who comes to a node of which the pool has told leaves it to the pool, as the others do.
func TestWhoComesLaterLeavesLostCallsToThePool(t *testing.T) {
	bubble(t, nil, func(f *fixture) {
		f.emit(nodeA, muxpool.ConnUp, muxpool.ReasonNone, nil)
		s := f.Scope("shop")
		g := s.Guard(breaker.Target{Node: nodeA})
		s.Guard(breaker.Target{Node: nodeB})
		for range 100 {
			through(g, errLost)
			time.Sleep(10 * time.Millisecond) // of bubble time
		}
		ready(t, true, g)
	})
}

// Of methods of which one was never answered two must be out for a second, and no longer, until the
// node goes.
func TestSeveralMethodsOutForASecond(t *testing.T) {
	inShop(t, nil, func(s *shop) {
		a, b, c := s.guard(nodeA, "A"), s.guard(nodeA, "B"), s.guard(nodeA, "C")
		times(5, a, told(verdict.CodeInternal))
		times(5, b, told(verdict.CodeInternal))
		time.Sleep(time.Second - 1)
		times(1, a, told(verdict.CodeInternal)) // it tries, in vain
		ready(t, true, c)
		time.Sleep(time.Nanosecond)
		times(1, b, told(verdict.CodeInternal))
		ready(t, false, a, b, c)
	})
}

// A node that is not called is remembered for as long as that since the last event, or order, and no
// longer than twice that.
func TestEventsAndOrdersKeepANode(t *testing.T) {
	for name, do := range map[string]func(f *fixture){
		"an event": func(f *fixture) { f.expel(nodeA) },
		"an order": func(f *fixture) { f.Trip(nodeA, nil) },
	} {
		alone(t, []breaker.Option{breaker.WithForget(time.Minute), breaker.WithEjectionTime(time.Hour, 0)}, func(f *fixture) {
			for range 3 {
				do(f)
				after(time.Minute - 1)
			}
			if st, ok := f.StatusOf(nodeA); !ok || time.Since(st.Since) != 3*(time.Minute-1) || st.Ejections != 1 {
				t.Errorf("%s: known %v, out for %v, %d ejections", name, ok, time.Since(st.Since), st.Ejections)
			}
			if after(time.Minute + 1); f.known() != 0 {
				t.Errorf("%s is remembered for ever", name)
			}
		})
	}
}

// After a silence, a connect has users' calls try the node, where nobody else does, unless something
// else keeps it out.
func TestPoolReadyAfterASilence(t *testing.T) {
	for name, row := range map[string]struct {
		out   func(f *fixture)
		state breaker.State
	}{
		"silence alone":    {func(*fixture) {}, breaker.HalfOpen},
		"calls that fail":  {func(f *fixture) { f.calls(nodeA, 5, errSick) }, breaker.Open},
		"an operator, too": {func(f *fixture) { f.Trip(nodeA, nil) }, breaker.Open},
	} {
		bubble(t, nil, func(f *fixture) {
			row.out(f)
			f.stall(nodeA)
			f.ready(nodeA)
			if st, _ := f.StatusOf(nodeA); st.State != row.state {
				t.Errorf("%s: %v, want %v", name, st.State, row.state)
			}
			after(500 * time.Millisecond)
			f.state(nodeA, breaker.HalfOpen)
		})
	}
	// Its own probe asks at once, also while calls keep it out: that is what the pool began.
	bubble(t, []breaker.Option{breaker.WithEjectionTime(10*time.Second, 0)}, func(f *fixture) {
		p := &pinger{err: errSick}
		f.target(nodeA, p)
		f.calls(nodeA, 5, errSick)
		f.stall(nodeA)
		after(5 * time.Second)
		runs := p.runs()
		f.ready(nodeA)
		if synctest.Wait(); p.runs() != runs+1 {
			t.Errorf("%d probes at once, want one", p.runs()-runs)
		}
	})
}

// A place of a half-open node that its method does not let a call use is the next one's.
func TestAMethodThatIsOutTakesNoPlaceOfItsNode(t *testing.T) {
	inShop(t, nil, func(s *shop) {
		a, b := s.guard(nodeA, "A"), s.guard(nodeA, "B")
		s.guard(nodeB, "B")
		through(a, nil)
		times(5, b, told(verdict.CodeInternal))
		after(500 * time.Millisecond)
		through(b, told(verdict.CodeInternal)) // for a second more
		s.expel(nodeA)
		after(500 * time.Millisecond)
		s.state(nodeA, breaker.HalfOpen)
		for range 2 {
			var open *breaker.OpenError
			if err := through(b, nil); !errors.As(err, &open) || open.Method != "B" {
				t.Errorf("the method that is out: %v", err)
			}
		}
		ready(t, true, a)
		through(a, nil)
		s.state(nodeA, breaker.Closed)
	})
}

// An option that makes no sense makes all refuse, and Changes tells of that.
func TestChangesTellOfAnInvalidOption(t *testing.T) {
	bubble(t, nil, func(f *fixture) {
		s := f.Scope("shop")
		g := s.Guard(breaker.Target{Node: nodeA})
		ready(t, true, g)
		before := s.Changes()
		f.Scope("bad", breaker.WithProbes(-1))
		if ready(t, false, g); s.Changes() == before {
			t.Error("Changes did not tell")
		}
	})
}

// How long to wait is told of what is open, and of nothing else.
func TestOnlyWhatIsOpenHasATime(t *testing.T) {
	inShop(t, nil, func(s *shop) {
		a, b := s.guard(nodeA, "A"), s.guard(nodeA, "B")
		s.guard(nodeB, "B")
		through(a, nil)
		times(5, b, told(verdict.CodeInternal))
		s.Trip(nodeA, nil)
		want := 500 * time.Millisecond
		for _, state := range []breaker.State{breaker.Open, breaker.HalfOpen} {
			st, _ := s.StatusOf(nodeA)
			if st.State != state || st.RetryAfter != want {
				t.Errorf("the node: %v, %v to go, want %v, %v", st.State, st.RetryAfter, state, want)
			}
			if len(st.Methods) != 1 || st.Methods[0].State != state || st.Methods[0].RetryAfter != want {
				t.Errorf("its methods: %+v, want one %v, %v to go", st.Methods, state, want)
			}
			after(500 * time.Millisecond)
			want = 0
		}
		s.told()
		for _, c := range s.changes {
			if (c.RetryAfter != 0) != (c.To == breaker.Open) {
				t.Errorf("%+v", c)
			}
		}
	})
}

// A probe that takes just the threshold of SlowCalls is not too slow.
func TestProbeThatTakesTheThreshold(t *testing.T) {
	for took, want := range map[time.Duration]breaker.State{100 * time.Millisecond: breaker.Closed, 100*time.Millisecond + 1: breaker.Open} {
		bubble(t, only(breaker.SlowCalls(100*time.Millisecond, 0, 0, 0)), func(f *fixture) {
			f.Trip(nodeA, nil)
			after(500 * time.Millisecond)
			f.slowCall(nodeA, took)
			f.state(nodeA, want)
		})
	}
}

// left is a context that is told who waits for its end, and who does no more.
type left struct {
	context.Context
	done         chan struct{}
	comes, leave int
}

func (c *left) Done() <-chan struct{} { return c.done }

func (c *left) AfterFunc(func()) (stop func() bool) {
	c.comes++
	return func() bool { c.leave++; return true }
}

// A probe that has ended leaves nothing behind in the context of its caller, who may live for long.
func TestAProbeLeavesItsCallersContext(t *testing.T) {
	bubble(t, nil, func(f *fixture) {
		f.Trip(nodeA, nil)
		after(500 * time.Millisecond)
		ctx := &left{Context: context.Background(), done: make(chan struct{})}
		f.Middleware(nodeA)(func(context.Context, any) (any, error) { return nil, nil })(ctx, nil)
		f.state(nodeA, breaker.Closed)
		if ctx.comes != 1 || ctx.leave != 1 {
			t.Errorf("%d wait for the end of the context, %d have left", ctx.comes, ctx.leave)
		}
	})
}
