package breaker

import (
	"sync/atomic"
	"time"
)

const (
	// unknownTime is taken for a method's usual time before any call of it
	// succeeded.
	unknownTime = 25 * time.Millisecond
	// shortTime is a usual time from which on a call's end is not its begin, as
	// far as a detector's window can tell.
	shortTime = 20 * time.Millisecond
	// every so many successes of a method known to be short are timed.
	every = 16
)

// usual is how long the successful calls of a method take: an exponentially
// weighted mean. Whoever gave a call less time than that has ended it himself.
// Reading the clock costs as much as all else that is done for a call, so the
// successes of short methods are sampled.
type usual struct{ mean atomic.Int64 }

// asks reports whether the success of call n is to be timed.
func (u *usual) asks(n uint64) bool {
	mean := time.Duration(u.mean.Load())
	return mean == 0 || mean > shortTime || n%every == 0
}

// add takes the time of a success. Of two at the same time one may be lost.
func (u *usual) add(took time.Duration) {
	took = max(took, 1)
	if mean := u.mean.Load(); mean > 0 {
		took = time.Duration(mean + (int64(took)-mean)/8)
	}
	u.mean.Store(int64(took))
}

// time returns the mean.
func (u *usual) time() time.Duration {
	if mean := u.mean.Load(); mean > 0 {
		return time.Duration(mean)
	}
	return unknownTime
}
