package endpoint

import "sync/atomic"

// bell wakes who waits for a change. While nobody waits, a change costs a read.
type bell struct {
	wakes atomic.Pointer[chan struct{}] // closed by the next ring; nil: nobody waits
}

// ring tells of a change, which can be read by now.
func (b *bell) ring() {
	if wakes := b.wakes.Load(); wakes != nil && b.wakes.CompareAndSwap(wakes, nil) {
		close(*wakes)
	}
}

// next returns a channel that the next ring closes. Who takes it before he looks misses
// no change.
func (b *bell) next() <-chan struct{} {
	for {
		if wakes := b.wakes.Load(); wakes != nil {
			return *wakes
		}
		wakes := make(chan struct{})
		if b.wakes.CompareAndSwap(nil, &wakes) {
			return wakes
		}
	}
}
