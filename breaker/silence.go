package breaker

import (
	"sync"
	"time"
)

const (
	// firstWord is how long after the first call that found no connection a pool that
	// is watched must have told of it: its events come after the calls' errors. A pool
	// that the group has not heard of a node by then is not the node's.
	firstWord = 100 * time.Millisecond
	// lastWord is how long a pool that tells of a node is believed to be at work on its
	// connections, while nothing is answered. With its defaults it gives a node up within
	// half a second.
	lastWord = time.Second
	// longSilence is how long a node, or a method on it, whose callers give it less time
	// than it usually takes may answer nothing at all until that is held against it.
	longSilence = time.Second
	// longPause is for how long a node that is well may answer nothing.
	longPause = 250 * time.Millisecond
)

// silence is how long calls have gone without an answer: since the first of them ended.
// Any answer ends it, and so does a pause in which no call ended at all.
type silence struct {
	// mu guards what is below. Under it nothing is called.
	mu          sync.Mutex
	begun       bool
	lives       uint64 // how many answers there were when it began
	since, last int64  // ends of calls, on the group's clock
	counted     int64  // the end of the last that another reported
}

// lasts takes the end of a call that got no answer, and returns how long that has gone
// on. lives is how many answers there were until now.
func (s *silence) lasts(lives uint64, now int64, pause time.Duration) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.begun || s.lives != lives || now-s.last > int64(pause) {
		s.begun, s.lives, s.since, s.last = true, lives, now, now
	}
	s.last = max(s.last, now)
	return time.Duration(max(0, now-s.since))
}

// another takes a call to which nothing was answered, and reports whether it began after
// the last one of which that was so had ended.
func (s *silence) another(start, end int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if start < s.counted {
		return false
	}
	s.counted = end
	return true
}

// end takes an answer that is not among the lives: an error.
func (s *silence) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.begun = false
}
