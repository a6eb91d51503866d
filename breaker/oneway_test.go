package breaker_test

import (
	"errors"
	"testing"
	"testing/synctest"
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

// Where nobody waits for an answer, none can prove the node's health: it comes back when
// its time is over.
func TestOneWayCallsAloneComeBack(t *testing.T) {
	bubble(t, nil, func(f *fixture) {
		log, tell := f.Scope("").Guard(breaker.Target{Node: nodeA, Method: "Log", OneWay: true}),
			f.Scope("").Guard(breaker.Target{Node: nodeA, Method: "Tell", OneWay: true})
		for range 3 {
			f.Trip(nodeA, nil)
			ready(t, false, log, tell)
			open, ok := log.Check().(*breaker.OpenError)
			if !ok || open.RetryAfter <= 0 {
				t.Fatalf("%v", log.Check())
			}
			time.Sleep(open.RetryAfter)
			synctest.Wait()
			f.state(nodeA, breaker.Closed)
			ready(t, true, log, tell)
			if err := through(log, nil); err != nil {
				t.Errorf("when it said: %v", err)
			}
		}
		// Who asks is the probe, and they wait for him.
		ask := f.Scope("").Guard(breaker.Target{Node: nodeA, Method: "Ask"})
		f.Trip(nodeA, nil)
		time.Sleep(time.Minute)
		ready(t, false, log)
		times(1, ask, nil)
		ready(t, true, log)
	})
}

// So is a node that was half-open before anybody called it.
func TestOneWayCallsAloneFindNoNodeHalfOpen(t *testing.T) {
	bubble(t, nil, func(f *fixture) {
		f.expel(nodeA)
		time.Sleep(time.Minute)
		synctest.Wait()
		f.state(nodeA, breaker.HalfOpen)
		ready(t, true, f.Scope("").Guard(breaker.Target{Node: nodeA, OneWay: true}))
	})
}

// It cannot prove a silent node's health, so it is no probe, and takes no place.
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
