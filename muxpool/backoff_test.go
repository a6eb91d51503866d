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
	for _, row := range []struct {
		attempt      int
		first, bound time.Duration
	}{{32, 1, 1 << 31}, {33, 1, math.MaxInt64}, {32, 1 << 31, 1 << 62}, {32, 1 << 32, math.MaxInt64}} {
		if got := backoffBound(row.attempt, row.first, math.MaxInt64); got != row.bound {
			t.Errorf("attempt %d from %d ns: the bound is %d ns, want %d", row.attempt, row.first, got, row.bound)
		}
	}
	for range 100 {
		if d := draw(0); d != 0 {
			t.Fatalf("of no time %v is drawn", d)
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
