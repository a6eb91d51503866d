package breaker_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/muxkit/muxkit/breaker"
	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/verdict"
)

// What the pool began ends with its word, and what calls began with its time: a node that
// both have put out may be tried when the later of these has come.
func TestPoolsWordForWhatCallsPutOutAsWell(t *testing.T) {
	for name, row := range map[string]struct {
		ready time.Duration // after the calls put it out; the pool did 400 ms after that
		want  []string
		state breaker.State
	}{
		"the time of the calls is over": {600 * time.Millisecond,
			[]string{"closed -> open: consecutive failures", "open -> half-open: pool ready"}, breaker.HalfOpen},
		"the time of the calls lasts": {450 * time.Millisecond,
			[]string{"closed -> open: consecutive failures"}, breaker.Open},
	} {
		bubble(t, nil, func(f *fixture) {
			f.calls(nodeA, 5, errSick)
			time.Sleep(400 * time.Millisecond)
			f.expel(nodeA)
			time.Sleep(row.ready - 400*time.Millisecond)
			f.ready(nodeA)
			if got := f.told(); !slices.Equal(got, row.want) {
				t.Errorf("%s: told %q, want %q", name, got, row.want)
			}
			f.state(nodeA, row.state)
			time.Sleep(500*time.Millisecond - row.ready%(500*time.Millisecond))
			f.call(nodeA, nil)
			f.state(nodeA, breaker.Closed)
		})
	}
}

// A method's probe is a call of its node's like any other: with four failures before it, it is
// the fifth in a row; and who has not waited long beside answers says nothing.
func TestProbeOfAMethodIsACallOfItsNode(t *testing.T) {
	lost := verdict.Tell(muxpool.ErrConnLost, verdict.ByCode(verdict.CodeConnection))
	for name, row := range map[string]struct {
		before int
		state  breaker.State
	}{"four before it": {4, breaker.Open}, "three before it": {3, breaker.Closed}} {
		inShop(t, nil, func(s *shop) {
			a, b := s.guard(nodeA, "A"), s.guard(nodeA, "B")
			s.guard(nodeB, "B")
			times(5, b, told(verdict.CodeInternal))
			through(a, nil)
			ready(t, false, b)
			ready(t, true, a)
			time.Sleep(500 * time.Millisecond)
			times(row.before, a, lost)
			s.state(nodeA, breaker.Closed)
			through(b, lost)
			st, _ := s.StatusOf(nodeA)
			if st.State != row.state {
				t.Errorf("%s: the node is %v", name, st.State)
			}
			if len(st.Methods) != 1 || st.Methods[0].State != breaker.HalfOpen { // it was not the method's fault
				t.Errorf("%s: its method: %+v", name, st.Methods)
			}
		})
	}
}

// The only node stays while it answers others: it was never out, and so does not come back.
func TestOneThatIsSparedWasNeverOut(t *testing.T) {
	alone(t, nil, func(f *fixture) {
		g := f.Scope("").Guard(breaker.Target{Node: nodeA})
		through(g, nil)
		times(5, g, errSick)
		if st, _ := f.StatusOf(nodeA); st.State != breaker.Closed || st.Totals.Spared != 1 || !g.Back().IsZero() {
			t.Errorf("%+v, back at %v", st, g.Back())
		}
		times(4, g, errSick) // a fifth in a row would be the next
		if st, _ := f.StatusOf(nodeA); st.Totals.Spared != 1 {
			t.Errorf("spared %d times", st.Totals.Spared)
		}
	})
}

// A method's probe has a deadline as a node's has.
func TestProbeOfAMethodHasADeadline(t *testing.T) {
	inShop(t, []breaker.Option{breaker.WithProbeTimeout(2 * time.Second)}, func(s *shop) {
		a, b := s.guard(nodeA, "A"), s.guard(nodeA, "B")
		s.guard(nodeB, "B")
		through(a, nil)
		times(5, b, told(verdict.CodeInternal))
		time.Sleep(500 * time.Millisecond)
		go b.Middleware()(answersAfter(time.Minute))(context.Background(), nil)
		methods := func() string {
			words := s.told()
			st, _ := s.StatusOf(nodeA)
			return fmt.Sprint(st.State, " ", st.Methods[0].State, " ", words[len(words)-1])
		}
		time.Sleep(2*time.Second - 1)
		if got := methods(); got != "closed half-open open -> half-open: ejection over" {
			t.Error("before it is over: ", got)
		}
		time.Sleep(time.Nanosecond)
		if got := methods(); got != "closed open half-open -> open: probe failed" {
			t.Error("when it is over: ", got)
		}
		time.Sleep(time.Minute)
	})
}

// Where two successes are wanted, each that is late counts for one in the half-open period that it
// comes in, and for nothing between two of them.
func TestLateSuccessesOfProbes(t *testing.T) {
	for name, row := range map[string]struct {
		probes int
		takes  time.Duration // from 500 ms on; out from 1.5 s to 2.5 s
		state  breaker.State // then
		late   uint64
	}{
		"one, while it is half-open": {1, 3 * time.Second, breaker.HalfOpen, 0},
		"two, while it is half-open": {2, 3 * time.Second, breaker.Closed, 0},
		"one, while it is open":      {1, 1500 * time.Millisecond, breaker.Open, 1},
		"two, while it is open":      {2, 1500 * time.Millisecond, breaker.Open, 2},
	} {
		bubble(t, []breaker.Option{breaker.WithProbes(2), breaker.WithProbeTimeout(time.Second)}, func(f *fixture) {
			f.calls(nodeA, 5, errSick)
			time.Sleep(500 * time.Millisecond)
			for range row.probes {
				go f.slowCall(nodeA, row.takes)
			}
			time.Sleep(row.takes + time.Millisecond)
			f.told()
			if st, _ := f.StatusOf(nodeA); st.State != row.state || st.Totals.Late != row.late {
				t.Errorf("%s: %v, %d came too late", name, st.State, st.Totals.Late)
			}
			if row.state == breaker.HalfOpen {
				f.call(nodeA, nil)
				f.state(nodeA, breaker.Closed)
			}
		})
	}
}

// A call that a half-open node would refuse, and that passes since nobody is refused, is no
// probe.
func TestCallsThatPassAllTheSameAreNoProbes(t *testing.T) {
	bubble(t, []breaker.Option{breaker.WithObserveOnly(true)}, func(f *fixture) {
		f.calls(nodeA, 5, errSick)
		time.Sleep(500 * time.Millisecond)
		f.told()
		f.state(nodeA, breaker.HalfOpen)
		probe := newGate()
		done := make(chan struct{})
		go func() { defer close(done); f.Middleware(nodeA)(probe.endpoint)(context.Background(), nil) }()
		bounded.Receive(t, probe.entered)
		f.calls(nodeA, 5, nil)
		f.state(nodeA, breaker.HalfOpen)
		f.calls(nodeA, 5, errSick)
		f.state(nodeA, breaker.HalfOpen)
		probe.answer <- nil
		bounded.Receive(t, done)
		f.state(nodeA, breaker.Closed)
	})
}

// While calls pass a node that is out, its methods are judged.
func TestMethodsAreJudgedWhileTheirNodeIsOnlyObserved(t *testing.T) {
	inShop(t, []breaker.Option{breaker.WithObserveOnly(true)}, func(s *shop) {
		a, b := s.guard(nodeA, "A"), s.guard(nodeA, "B")
		s.guard(nodeB, "B")
		through(a, nil)
		s.Trip(nodeA, nil)
		times(5, b, told(verdict.CodeInternal))
		st, _ := s.StatusOf(nodeA)
		if st.State != breaker.Open || len(st.Methods) != 1 || st.Methods[0].Method != "B" || st.Methods[0].State != breaker.Open {
			t.Errorf("%+v", st)
		}
	})
}

// A service that goes leaves what others know of its nodes.
func TestServicesShareANode(t *testing.T) {
	bubble(t, nil, func(f *fixture) {
		bank, _ := f.used("bank", nodeA)
		f.used("bank", nodeB)
		_, shop := f.used("shop", nodeA)
		for range 5 {
			bank(errSick)
		}
		shop()
		if err := bank(nil); err == nil {
			t.Error("what the other service knew is forgotten")
		}
	})
}

// A call that panics says nothing of its node, and is counted.
func TestACallThatPanicsIsNeutral(t *testing.T) {
	bubble(t, nil, func(f *fixture) {
		ep := f.Middleware(nodeA)(func(context.Context, any) (any, error) { panic("x") })
		for range 6 {
			func() {
				defer func() { _ = recover() }()
				ep(context.Background(), nil)
			}()
		}
		if st, _ := f.StatusOf(nodeA); st.State != breaker.Closed || st.Totals.Neutral != 6 {
			t.Errorf("%+v", st)
		}
	})
}

// What UseScope is given is the service's.
func TestAServiceIsUsedWithItsOptions(t *testing.T) {
	bubble(t, nil, func(f *fixture) {
		s, release := f.UseScope("shop", breaker.WithDetectors(breaker.ConsecutiveFailures(2)))
		defer release()
		a := s.Guard(breaker.Target{Node: nodeA})
		s.Guard(breaker.Target{Node: nodeB})
		through(a, errSick)
		ready(t, true, a)
		through(a, errSick)
		ready(t, false, a)
	})
}
