package harness

import (
	"testing"
	"time"
)

// Over a second as many calls are due as the rate says, in order, and bunched as chance
// bunches them: a gap of three times the average is no rarity.
func TestSchedule(t *testing.T) {
	for _, rate := range []int{500, 20_000, 700_000} {
		s, again := newSchedule(rate), newSchedule(rate)
		last, count, long := time.Duration(0), 0, 0
		for due := s.due(); due < time.Second; due = s.due() {
			if due < last {
				t.Fatalf("due at %v after %v", due, last)
			}
			if due-last > 3*s.gap {
				long++
			}
			if same := again.due(); same != due {
				t.Fatalf("call %d is due at %v and at %v", count, due, same)
			}
			last, count = due, count+1
		}
		if float64(count) < 0.9*float64(rate) || float64(count) > 1.1*float64(rate) {
			t.Errorf("%d calls in a second, want about %d", count, rate)
		}
		if share := float64(long) / float64(count); share < 0.03 || share > 0.08 {
			t.Errorf("%.1f%% of the gaps are three times the average, want 5%%", 100*share)
		}
	}
}
