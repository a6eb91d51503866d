package breaker

import "sync/atomic"

// changes counts what may change what Ready says, and wakes who waits for it. While nobody
// waits, that costs a read.
type changes struct {
	number atomic.Uint64
	wakes  atomic.Pointer[chan struct{}] // closed by the next Add; nil: nobody waits
}

// Add counts n. What has changed must be there to be read before.
func (c *changes) Add(n uint64) {
	c.number.Add(n)
	if wakes := c.wakes.Load(); wakes != nil && c.wakes.CompareAndSwap(wakes, nil) {
		close(*wakes)
	}
}

func (c *changes) Load() uint64 { return c.number.Load() }

// next returns a channel that is closed by the first Add that begins from now on, if not
// by one that runs just now.
func (c *changes) next() <-chan struct{} {
	for {
		if wakes := c.wakes.Load(); wakes != nil {
			return *wakes
		}
		wakes := make(chan struct{})
		if c.wakes.CompareAndSwap(nil, &wakes) {
			return wakes
		}
	}
}

// Changed returns a channel that is closed when Changes grows. Who waits for Ready to say
// something else takes the channel before he asks: what changes after that closes it. The
// channel is shared, and is made for the first who asks: while nobody waits, nothing is paid.
func (s *Scope) Changed() <-chan struct{} { return s.changes.next() }
