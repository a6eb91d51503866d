package breaker_test

import (
	"testing"
	"time"

	"github.com/muxkit/muxkit/breaker"
)

func (f *fixture) hold(n int) {
	for i := range n {
		f.t.Cleanup(f.Hold(nodeN(i)))
	}
}

func (f *fixture) out(n int) (out int) {
	for i := range n {
		if f.Check(nodeN(i)) != nil {
			out++
		}
	}
	return out
}

func TestMaxEjection(t *testing.T) {
	for _, c := range []struct {
		share      float64
		nodes, out int
	}{
		{0, 1, 1}, // alone, a plain circuit breaker
		{0, 2, 1},
		{0, 3, 1},
		{0, 4, 2}, // the default is a half
		{0, 10, 5},
		{0.1, 10, 1},
		{0.1, 3, 1}, // one may always go
		{0.7, 3, 2},
		{1, 3, 2}, // and one is always left
		{1, 2, 1},
	} {
		alone(t, []breaker.Option{breaker.WithMaxEjection(c.share), breaker.WithEjectionTime(time.Hour, time.Hour)}, func(f *fixture) {
			f.hold(c.nodes)
			for range 20 {
				for i := range c.nodes {
					f.call(nodeN(i), errSick)
				}
			}
			if out := f.out(c.nodes); out != c.out {
				t.Errorf("share %v of %d nodes: %d out, want %d", c.share, c.nodes, out, c.out)
			}
			spared := uint64(0)
			for _, st := range f.Status() {
				spared += st.Totals.Spared
			}
			if want := uint64(4 * (c.nodes - c.out)); spared != want { // each for every five in a row
				t.Errorf("share %v of %d nodes: spared %d times, want %d", c.share, c.nodes, spared, want)
			}
		})
	}
}

// The pool's word is a fact and not a statistic: all nodes may be out by it. They
// count all the same.
func TestPoolEventsAreNotBoundButCount(t *testing.T) {
	alone(t, nil, func(f *fixture) {
		f.hold(4)
		f.expel(nodeN(0))
		f.calls(nodeN(1), 5, errSick)
		f.calls(nodeN(2), 5, errSick)
		if f.out(4) != 2 {
			t.Errorf("%d of 4 out, want 2", f.out(4))
		}
		for i := range 4 {
			f.expel(nodeN(i))
		}
		if f.out(4) != 4 {
			t.Errorf("%d of 4 out, want all", f.out(4))
		}
	})
}

// A node that discovery has removed is no longer one of those to choose from.
func TestOnlyLiveNodesCount(t *testing.T) {
	alone(t, nil, func(f *fixture) {
		f.hold(3)
		release := f.Hold(nodeN(3))
		f.calls(nodeN(3), 5, errSick)
		f.calls(nodeN(0), 5, errSick)
		f.calls(nodeN(1), 5, errSick)
		f.state(nodeN(1), breaker.Closed) // 2 of 4 are out
		release()
		release()
		f.calls(nodeN(1), 5, errSick)
		f.state(nodeN(1), breaker.Closed) // 1 of 3 is out
		f.Reset(nodeN(0))
		f.calls(nodeN(1), 5, errSick)
		f.state(nodeN(1), breaker.Open)
	})
}

// A node that is well is one of those to choose from as long as it is held, and not longer.
func TestNodesCountWhileTheyAreHeld(t *testing.T) {
	alone(t, []breaker.Option{breaker.WithEjectionTime(time.Hour, time.Hour)}, func(f *fixture) {
		f.hold(3)
		release := f.Hold(nodeN(3))
		f.call(nodeN(3), nil)
		f.calls(nodeN(0), 5, errSick)
		release()
		f.calls(nodeN(1), 5, errSick)
		f.state(nodeN(1), breaker.Closed) // one of three is out
		f.calls(nodeN(3), 5, errSick)     // who is none of them goes in any case
		f.state(nodeN(3), breaker.Open)
		f.Reset(nodeN(3))
		f.t.Cleanup(f.Hold(nodeN(3)))
		f.calls(nodeN(1), 5, errSick)
		f.state(nodeN(1), breaker.Open) // two of four
	})
	alone(t, nil, func(f *fixture) {
		f.expel(nodeA)
		if st, ok := f.StatusOf(nodeA); !ok || st.Live {
			t.Errorf("known %v, and live %v, for nobody who calls it", ok, st.Live)
		}
	})
}

// A half-open node is not yet to be relied upon.
func TestHalfOpenCountsAsOut(t *testing.T) {
	alone(t, nil, func(f *fixture) {
		f.hold(2)
		f.calls(nodeA, 5, errSick)
		time.Sleep(500 * time.Millisecond)
		f.call(nodeA, breakerRefusal{})
		f.state(nodeA, breaker.HalfOpen)
		f.calls(nodeB, 5, errSick)
		f.state(nodeB, breaker.Closed)
		f.call(nodeA, nil)
		f.calls(nodeB, 5, errSick)
		f.state(nodeB, breaker.Open)
	})
}

// In a panic, bad nodes are better than none; dead ones are not.
func TestPanicThreshold(t *testing.T) {
	alone(t, []breaker.Option{breaker.WithPanicThreshold(0.5), breaker.WithEjectionTime(time.Hour, time.Hour)}, func(f *fixture) {
		f.hold(4)
		f.calls(nodeN(0), 5, errSick)
		f.calls(nodeN(1), 5, errSick)
		f.open(nodeN(0), breaker.ReasonConsecutiveFailures) // 2 of 4 are left: no panic
		f.expel(nodeN(2))
		if err := f.call(nodeN(0), nil); err != nil || f.Check(nodeN(0)) != nil {
			t.Errorf("in a panic: %v, %v", err, f.Check(nodeN(0)))
		}
		f.open(nodeN(2), breaker.ReasonNodeExpelled)
		f.Trip(nodeN(1), nil)
		if f.Check(nodeN(1)) == nil {
			t.Error("a node that was tripped by hand takes calls in a panic")
		}
		if st, _ := f.StatusOf(nodeN(0)); st.Totals.Panicked != 1 || st.State != breaker.Open {
			t.Errorf("%+v", st)
		}
		f.Reset(nodeN(2))
		f.open(nodeN(0), breaker.ReasonConsecutiveFailures) // 2 of 4 are left again
	})
}

// A tiny threshold is the wish that the last node never goes, whatever it
// answers.
func TestPanicWhenNoneIsLeft(t *testing.T) {
	alone(t, []breaker.Option{breaker.WithPanicThreshold(0.01)}, func(f *fixture) {
		f.hold(1)
		f.calls(nodeA, 5, errSick)
		if err := f.call(nodeA, nil); err != nil {
			t.Errorf("the only node refused: %v", err)
		}
		f.expel(nodeA) // now there is nothing to call
		f.open(nodeA, breaker.ReasonNodeExpelled)
	})
}
