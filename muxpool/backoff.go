package muxpool

import (
	"math/rand/v2"
	"time"
)

// backoffBound returns the longest wait before the attempt-th try in a row (from 1): it
// doubles from first up to limit.
func backoffBound(attempt int, first, limit time.Duration) time.Duration {
	if shift := attempt - 1; shift < 32 && first<<shift>>shift == first {
		return min(first<<shift, limit)
	}
	return limit
}

// draw returns a wait that is drawn evenly from zero to bound, so that clients that lost
// the same peer do not come back in step.
func draw(bound time.Duration) time.Duration {
	return rand.N(max(bound, bound+1)) // the longest Duration has no successor
}

// backoff is the wait before the attempt-th dial in a row.
func backoff(attempt int, first, limit time.Duration) time.Duration {
	return draw(backoffBound(attempt, first, limit))
}
