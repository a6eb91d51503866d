package endpoint

import (
	"testing"
	"time"
)

// TestARefusalCountsWhoeverHasLooked: one that comes when the last one was healed by time counts, whether or not
// somebody has looked at the weight since.
func TestARefusalCountsWhoeverHasLooked(t *testing.T) {
	for name, look := range map[string]func(w *weight){
		"nobody":   func(*weight) {},
		"a choice": func(w *weight) { w.share() },
	} {
		w := &weight{epoch: time.Now().Add(-time.Hour)}
		w.load.Store(1<<lackBits | full/2) // of an hour ago
		look(w)
		if w.halve(); w.load.Load() == 0 {
			t.Errorf("%s: nothing is lacking", name)
		}
	}
}
