package endpoint

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// Where every node is out those that stand in stay: there are no others.
func TestWhoStandsInStaysWhereThereAreNoOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newSwitchboard()
		s := NewSet(nodesNamed(5), nil, WithSubset(4, 0), withBreakers(b))
		defer s.Close()
		ep := s.EndpointFrom("M", (&shop{}).factory)
		home, _ := heldBy(s)
		look := func() {
			ep(t.Context(), "x")
			time.Sleep(reviewInterval)
			synctest.Wait()
		}
		b.trip(home...)
		look()
		_, in := heldBy(s)
		equal(t, "stand-ins", len(in), 1)
		b.trip(in...)
		look()
		for range 2 {
			s.mu.Lock()
			changed := s.standIn()
			s.mu.Unlock()
			_, now := heldBy(s)
			equal(t, "stand-ins, all being out", fmt.Sprint(now), fmt.Sprint(in))
			equal(t, "changed", changed, false)
		}
	})
}
