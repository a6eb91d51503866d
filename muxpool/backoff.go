package muxpool

import (
	"math/rand/v2"
	"time"
)

// backoff returns the wait before the attempt-th dial in a row (from 1): drawn
// evenly from zero to a bound that doubles from first up to limit, so that
// clients that lost the same peer do not come back in step.
func backoff(attempt int, first, limit time.Duration) time.Duration {
	bound := limit
	if shift := attempt - 1; shift < 32 && first<<shift>>shift == first {
		bound = min(first<<shift, limit)
	}
	return rand.N(max(bound, bound+1)) // the longest Duration has no successor
}
