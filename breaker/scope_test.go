package breaker_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muxkit/muxkit/breaker"
	"github.com/muxkit/muxkit/muxpool"
)

// service holds nodes in a service of the group, and returns their guards.
func (f *fixture) service(name string, from, to int) (guards []*breaker.Guard) {
	s := f.Scope(name)
	for i := from; i < to; i++ {
		f.t.Cleanup(s.Hold(nodeN(i)))
		guards = append(guards, s.Guard(breaker.Target{Node: nodeN(i)}))
	}
	return guards
}

func outOf(guards []*breaker.Guard) (out int) {
	for _, g := range guards {
		if !g.Ready() {
			out++
		}
	}
	return out
}

// One group, a service of two nodes and one of eighteen.
func TestShareHoldsPerService(t *testing.T) {
	forHours := breaker.WithEjectionTime(time.Hour, time.Hour)
	alone(t, []breaker.Option{forHours}, func(f *fixture) {
		small, big := f.service("small", 0, 2), f.service("big", 2, 20)
		for range 20 {
			times(1, small[0], errSick)
			times(1, small[1], errSick)
		}
		if outOf(small) != 1 {
			t.Errorf("%d of the two are out, want 1", outOf(small))
		}
		for _, g := range big {
			times(5, g, errSick)
		}
		if outOf(big) != 9 {
			t.Errorf("%d of the eighteen are out, want 9", outOf(big))
		}
	})
	alone(t, []breaker.Option{forHours}, func(f *fixture) {
		small, big := f.service("small", 0, 2), f.service("big", 2, 20)
		for i, g := range big {
			if i < 10 {
				f.expel(g.Target().Node)
			}
		}
		times(5, small[0], errSick)
		if outOf(big) != 10 || outOf(small) != 1 {
			t.Errorf("%d and %d are out: the dead node of the small service stays in for those of the other", outOf(big), outOf(small))
		}
	})
}

func TestPanicThresholdHoldsPerService(t *testing.T) {
	alone(t, []breaker.Option{breaker.WithPanicThreshold(0.5)}, func(f *fixture) {
		small, big := f.service("small", 0, 2), f.service("big", 2, 20)
		times(5, small[0], errSick)
		f.expel(nodeN(1)) // none is left of the small one
		times(5, big[0], errSick)
		if !small[0].Ready() || big[0].Ready() {
			t.Errorf("small: %v, big: %v", small[0].Check(), big[0].Check())
		}
	})
}

// A service that fails a third of its calls, all its nodes alike, is no outlier
// beside one that fails none.
func TestDeviationComparesNodesOfOneService(t *testing.T) {
	alone(t, only(breaker.Deviation(1, 5, 100, 10*time.Second)), func(f *fixture) {
		shaky, solid := f.service("shaky", 0, 5), f.service("solid", 5, 25)
		for _, g := range shaky {
			times(40, g, errSick)
			times(60, g, nil)
		}
		for _, g := range solid {
			times(100, g, nil)
		}
		time.Sleep(10 * time.Second)
		f.told()
		if outOf(shaky)+outOf(solid) != 0 {
			t.Errorf("%d shaky, %d solid nodes are out", outOf(shaky), outOf(solid))
		}
	})
}

func TestSettingsHoldPerService(t *testing.T) {
	alone(t, nil, func(f *fixture) {
		a, b := f.service("a", 0, 2), f.service("b", 2, 4)
		if err := f.Scope("a").Update(breaker.WithDetectors(breaker.ConsecutiveFailures(2))); err != nil {
			t.Fatal(err)
		}
		times(2, a[0], errSick)
		times(2, b[0], errSick)
		if outOf(a) != 1 || outOf(b) != 0 {
			t.Errorf("%d and %d are out", outOf(a), outOf(b))
		}
		f.update(breaker.WithDetectors(breaker.ConsecutiveFailures(3))) // of every service
		times(1, b[0], errSick)
		if outOf(b) != 1 {
			t.Error("Group.Update is not for every service")
		}
		if f.Scope("new").Update(breaker.WithMaxEjection(1)) != nil || f.Scope("new") == f.Scope("a") || f.Scope("a").Name() != "a" {
			t.Error("Scope")
		}
		for want, o := range map[string]breaker.Option{
			"WithForget": breaker.WithForget(time.Minute), "WithListener": breaker.WithListener(func(breaker.Change) {}),
			"WithPanicListener": breaker.WithPanicListener(func(*breaker.PanicError) {}),
			"WithProbes(-1)":    breaker.WithProbes(-1),
		} {
			if err := f.Scope("a").Update(o); !errors.Is(err, breaker.ErrInvalidOption) || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: got %v", want, err)
			}
		}
		f.Scope("a", breaker.WithProbes(-1))
		if !errors.Is(f.Err(), breaker.ErrInvalidOption) {
			t.Error("Scope with an invalid option is no error")
		}
	})
}

// An operator names an address, and means it wherever it is.
func TestOrdersAreForTheNodeInEveryService(t *testing.T) {
	alone(t, nil, func(f *fixture) {
		early := f.Scope("early").Guard(breaker.Target{Node: nodeA, Method: "M"})
		f.ForceOpen(nodeA, errSick)
		late := f.Scope("late").Guard(breaker.Target{Node: nodeA})
		ready(t, false, early, late)
		if f.Check(nodeA) == nil {
			t.Error("by hand it may be called")
		}
		if st, _ := f.StatusOf(nodeA); st.State != breaker.Open || st.Mode != breaker.ForcedOpen {
			t.Errorf("%+v", st)
		}
		f.Enable(nodeA)
		ready(t, true, early, late)
		f.Trip(nodeA, errSick)
		ready(t, false, early, late)
		f.Reset(nodeA)
		ready(t, true, early, late)
	})
}

// What one service has out shows, and the other goes on.
func TestStatusShowsTheWorst(t *testing.T) {
	alone(t, nil, func(f *fixture) {
		one, two := f.Scope("one"), f.Scope("two")
		a, b := one.Guard(breaker.Target{Node: nodeA}), two.Guard(breaker.Target{Node: nodeA})
		for _, s := range []*breaker.Scope{one, two} {
			s.Hold(nodeA)
			s.Hold(nodeB)
		}
		times(3, a, nil)
		times(5, b, errSick)
		ready(t, true, a)
		ready(t, false, b)
		st, _ := f.StatusOf(nodeA)
		if st.State != breaker.Open || st.Scope != "two" || st.Totals.Successes != 3 || st.Totals.Failures != 5 || st.Holds != 2 || !st.Live {
			t.Errorf("%+v", st)
		}
	})
}

// An event that came before anybody asked for the node meets who asks first, and
// what it left behind is not in the way of what they show.
func TestEventBeforeTheFirstGuard(t *testing.T) {
	alone(t, nil, func(f *fixture) {
		f.expel(nodeA)
		f.state(nodeA, breaker.Open)
		g := f.Scope("shop").Guard(breaker.Target{Node: nodeA})
		ready(t, false, g)
		f.ready(nodeA)
		times(1, g, nil)
		ready(t, true, g)
		f.state(nodeA, breaker.Closed)
		ready(t, true, f.Scope("later").Guard(breaker.Target{Node: nodeA}))
	})
	alone(t, nil, func(f *fixture) { // that it is long ago is not forgotten either
		f.expel(nodeA)
		time.Sleep(time.Minute)
		g := f.Scope("shop").Guard(breaker.Target{Node: nodeA})
		ready(t, true, g)
		synctest.Wait()
		f.state(nodeA, breaker.HalfOpen)
	})
}

// What an event has made for nobody has no timer until somebody calls.
func TestGuardOfWhatNobodyGuardedIsTimed(t *testing.T) {
	alone(t, nil, func(f *fixture) {
		f.Scope("one").Guard(breaker.Target{Node: nodeA})
		f.Check(nodeA) // by hand, of which nothing comes
		f.expel(nodeA)
		if got := f.told(); len(got) != 1 {
			t.Errorf("told %q", got)
		}
		s := f.Scope("")
		late := s.Guard(breaker.Target{Node: nodeA})
		ready(t, false, late)
		before := s.Changes()
		time.Sleep(500 * time.Millisecond)
		synctest.Wait()
		ready(t, true, late)
		if s.Changes() == before {
			t.Error("Changes did not tell")
		}
	})
}

// identity returns an identity of that name.
func identity(name string) muxpool.Identity {
	opts := muxpool.NewGetOptions()
	opts.WithFrameParser(frames{})
	opts.WithLocalAddr(name)
	return opts.Identity()
}

var alice, bob = identity("alice"), identity("bob")

func (f *fixture) emitOf(who muxpool.Identity, kind muxpool.EventKind, reason muxpool.Reason) {
	f.pool.emit(muxpool.Event{Kind: kind, Node: nodeA, Identity: who, Reason: reason, Err: errSick, Time: time.Now()})
}

// Bob's password is wrong: that is not Alice's concern, nor that of who uses
// whatever connections there are, as hers work.
func TestExpulsionHurtsItsIdentityOnly(t *testing.T) {
	alone(t, nil, func(f *fixture) {
		s := f.Scope("shop")
		guard := func(who muxpool.Identity) *breaker.Guard {
			return s.Guard(breaker.Target{Node: nodeA, Identity: who})
		}
		a, b, anybody := guard(alice), guard(bob), guard(muxpool.Identity{})
		f.emitOf(alice, muxpool.ConnUp, muxpool.ReasonNone)
		f.emitOf(bob, muxpool.NodeExpelled, muxpool.ReasonHandshakeFailed)
		ready(t, true, a, anybody)
		ready(t, false, b)
		if f.Check(nodeA) != nil {
			t.Error("by hand it may not be called")
		}
		times(10, a, nil) // proves nothing of Bob's
		times(10, anybody, nil)
		ready(t, false, b)
		ready(t, false, f.Scope("another").Guard(breaker.Target{Node: nodeA, Identity: bob}))
		f.emitOf(alice, muxpool.ConnDown, muxpool.ReasonConnLost)
		f.emitOf(alice, muxpool.NodeExpelled, muxpool.ReasonDialFailed)
		ready(t, false, a, b, anybody)
		f.emitOf(alice, muxpool.NodeReady, muxpool.ReasonNone)
		times(1, a, nil)
		ready(t, true, a)
		ready(t, false, b)
		f.emitOf(bob, muxpool.NodeReady, muxpool.ReasonNone)
		ready(t, true, b)
	})
}

// An event that names no identity is about the node.
func TestEventWithoutIdentityIsForAll(t *testing.T) {
	alone(t, nil, func(f *fixture) {
		a := f.Scope("shop").Guard(breaker.Target{Node: nodeA, Identity: alice})
		f.emitOf(alice, muxpool.ConnUp, muxpool.ReasonNone)
		f.expel(nodeA)
		ready(t, false, a)
	})
}
