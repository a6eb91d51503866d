package endpoint

import (
	"context"
	"math/rand/v2"
	"time"
)

// backoff is how long to wait before each retry.
type backoff struct {
	initial, limit time.Duration
}

// Defaults of WithBackoff.
const (
	defaultBackoffInitial = 5 * time.Millisecond
	defaultBackoffLimit   = 100 * time.Millisecond
)

// bound is the longest wait before the n-th retry, from 1: it doubles from
// initial up to limit.
func (b backoff) bound(n int) time.Duration {
	d := b.initial
	for ; n > 1; n-- {
		if d > b.limit/2 {
			return b.limit
		}
		d *= 2
	}
	return d
}

// wait draws a wait evenly from zero to the bound (full jitter), so that callers
// who failed together do not come back together.
func (b backoff) wait(n int) time.Duration {
	return rand.N(max(b.bound(n)+1, b.bound(n)))
}

// sleep waits for d, or until ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
