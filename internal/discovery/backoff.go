// Package discovery has what all followers of discovery systems need: the goroutine that follows, the one that keeps
// a node registered, pauses after failures with jitter, and complaints that are made once.
package discovery

import (
	"context"
	"math"
	"math/rand/v2"
	"time"
)

// Backoff is how long to pause after failures in a row: from Min, doubling up to Max, half of
// it by chance, so that a fleet that failed together does not come back together. It belongs
// to one goroutine.
type Backoff struct {
	Min, Max time.Duration
	failures int
}

// Next is the pause after one more failure.
func (b *Backoff) Next() time.Duration {
	d := b.Min
	for range b.failures {
		if d > b.Max/2 {
			d = b.Max
			break
		}
		d *= 2
	}
	b.failures++
	return Jitter(min(d, b.Max), 2)
}

// Reset begins anew, after a success.
func (b *Backoff) Reset() { b.failures = 0 }

// Jitter is d, less up to a part of it by chance: 2 is half, 4 a quarter.
func Jitter(d time.Duration, part int) time.Duration {
	return d - rand.N(max(d/time.Duration(part), 1))
}

// Sum is a and b, which are not negative, or the longest time.
func Sum(a, b time.Duration) time.Duration {
	if sum := a + b; sum >= 0 {
		return sum
	}
	return math.MaxInt64
}

// Pause waits for d, or less: until wake has something, or ctx has ended, which it reports.
func Pause(ctx context.Context, d time.Duration, wake <-chan struct{}) (ended bool) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-wake:
	case <-ctx.Done():
	}
	return ctx.Err() != nil
}
