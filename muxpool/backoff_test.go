package muxpool

import (
	"math"
	"testing"
	"time"
)

// TestBackoffBounds: the bound doubles from the first to the limit, the wait is
// anywhere below it, and no attempt nor duration is too large.
func TestBackoffBounds(t *testing.T) {
	const first, limit = 5 * time.Millisecond, 50 * time.Millisecond
	for attempt, bound := range map[int]time.Duration{
		1: first, 2: 2 * first, 3: 4 * first, 4: 8 * first, 5: limit, 6: limit, 40: limit, 1000: limit, math.MaxInt: limit,
	} {
		longest := time.Duration(0)
		for range 1000 {
			d := backoff(attempt, first, limit)
			if d < 0 || d > bound {
				t.Fatalf("attempt %d: %v is outside of 0 to %v", attempt, d, bound)
			}
			longest = max(longest, d)
		}
		if longest < bound/2 { // chance: 2 to the power of -1000
			t.Errorf("attempt %d: no wait of 1000 above %v, the bound is %v", attempt, longest, bound)
		}
	}
	for _, attempt := range []int{1, 2, 33, 64, math.MaxInt} {
		if d := backoff(attempt, math.MaxInt64, math.MaxInt64); d < 0 {
			t.Errorf("attempt %d without a limit: %v", attempt, d)
		}
		if d := backoff(attempt, 1, math.MaxInt64); d < 0 {
			t.Errorf("attempt %d from 1 ns without a limit: %v", attempt, d)
		}
	}
}
