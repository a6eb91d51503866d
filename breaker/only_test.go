package breaker_test

import (
	"testing"
	"time"

	"github.com/muxkit/muxkit/breaker"
)

// A fifth of the calls fails, to an only node: there is nobody to take the others.
func TestOnlyNodeStaysWhileCallsSucceed(t *testing.T) {
	for name, detectors := range map[string][]breaker.Option{
		"default":     nil,
		"impatient":   only(breaker.ConsecutiveFailures(1)),
		"a low share": only(breaker.FailureRate(0.1, time.Second, 1)),
	} {
		t.Run(name, func(t *testing.T) {
			alone(t, detectors, func(f *fixture) {
				for i := range 1000 {
					time.Sleep(2 * time.Millisecond)
					if i%5 == 4 {
						f.call(nodeA, errSick)
					} else if f.call(nodeA, nil) != nil {
						t.Fatal("a good call was lost")
					}
				}
			})
		})
	}
}

// A breaker around one dependency is there to fail fast: when nothing succeeds, it
// does.
func TestOnlyNodeGoesWhenNothingSucceeds(t *testing.T) {
	alone(t, nil, func(f *fixture) {
		f.calls(nodeA, 5, errSick) // nothing ever did
		f.open(nodeA, breaker.ReasonConsecutiveFailures)
	})
	alone(t, nil, func(f *fixture) {
		f.call(nodeA, nil)
		for range 10 {
			f.calls(nodeA, 9, errSick)
			f.state(nodeA, breaker.Closed)
			time.Sleep(time.Second)
		}
		time.Sleep(time.Millisecond)
		f.calls(nodeA, 9, errSick)
		f.open(nodeA, breaker.ReasonConsecutiveFailures)
	})
}

func TestOnlyNodeGoesByThePoolAndByHand(t *testing.T) {
	alone(t, nil, func(f *fixture) {
		f.call(nodeA, nil)
		f.expel(nodeA)
		f.open(nodeA, breaker.ReasonNodeExpelled)
		f.Reset(nodeA)
		f.Trip(nodeA, nil)
		f.open(nodeA, breaker.ReasonTripped)
	})
}

// So it is with a method that only one node has.
func TestMethodOfAnOnlyNodeStaysWhileItsCallsSucceed(t *testing.T) {
	alone(t, nil, func(f *fixture) {
		s := f.Scope("shop")
		a := s.Guard(breaker.Target{Node: nodeA, Method: "A"})
		b := s.Guard(breaker.Target{Node: nodeA, Method: "B"})
		internal := status(503)
		times(1, b, nil)
		times(100, b, internal)
		ready(t, true, a, b)
		time.Sleep(11 * time.Second)
		times(100, a, nil) // A succeeds, B does not
		times(5, b, internal)
		ready(t, true, a)
		ready(t, false, b)
	})
}
