package breaker_test

import (
	"errors"
	"testing"
	"time"

	"github.com/sony/gobreaker"

	"github.com/muxkit/muxkit/breaker"
)

// A call without an answer succeeds when it was written, which says nothing: between
// time-outs it does not part them.
func TestOneWayCallsAreNotJudged(t *testing.T) {
	bubble(t, nil, func(f *fixture) {
		f.Hold(nodeA)
		s := f.Scope("")
		tell, ask := s.Guard(breaker.Target{Node: nodeA, Method: "Tell", OneWay: true}), s.Guard(breaker.Target{Node: nodeA, Method: "Ask"})
		for range 5 {
			ready(t, true, tell, ask)
			times(2, tell, nil)
			times(1, ask, errSick)
		}
		ready(t, false, tell, ask)
		if st, _ := f.StatusOf(nodeA); st.Totals.Successes != 0 {
			t.Errorf("%+v", st.Totals)
		}
	})
}

// It cannot prove a silent node's health, so it is no probe, and takes no slot.
func TestOneWayCallsAreNoProbes(t *testing.T) {
	bubble(t, nil, func(f *fixture) {
		s := f.Scope("")
		tell, ask := s.Guard(breaker.Target{Node: nodeA, OneWay: true}), s.Guard(breaker.Target{Node: nodeA})
		times(5, ask, errSick)
		time.Sleep(500 * time.Millisecond)
		for range 3 {
			if err := through(tell, nil); !errors.Is(err, gobreaker.ErrOpenState) {
				t.Fatalf("a one-way call got %v", err)
			}
		}
		f.state(nodeA, breaker.HalfOpen)
		ready(t, false, tell)
		ready(t, true, ask)
		times(1, ask, nil)
		ready(t, true, tell, ask)
	})
}
