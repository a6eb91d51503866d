package endpoint

import (
	"sync"
	"sync/atomic"
)

// waitLine is the calls of a Balancer that wait for a node, in the order in which they came.
//
// The first of them hears of every change. Who is told to look and finds a node leaves and
// tells the next one; who finds nothing keeps his place, and only if that is for a reason of
// his own, as that his call has been to the only node there is, the next one is told all the
// same. So a node that comes back wakes as many as it takes, one after another, and a
// half-open one that takes a single call wakes two.
type waitLine struct {
	total *atomic.Int64 // of those in all lines of a Set; constant
	stuck atomic.Int32  // those for whom there is no node at all; changed under mu

	// mu is a leaf: nothing is called and nothing waits while it is held.
	mu    sync.Mutex
	first *waiter
	last  *waiter
	why   error // what the last one for whom there is no node has found
}

// waiter is a place in a line.
type waiter struct {
	turn chan struct{} // holds a token when it is to look for a node

	// Guarded by the line's mu.
	prev, next *waiter
	stuck      bool // counted in its line.stuck
}

// busy reports whether a call that comes now is not to go before others.
func (l *waitLine) busy() bool { return l.stuck.Load() > 0 }

// join gives a place at the end, or, to who had his turn and found that others were faster, at
// the front; unless limit calls have one. The call is to look for a node first, unless
// somebody who has just looked is stuck before it.
func (l *waitLine) join(limit int, again bool) (w *waiter, look bool) {
	if l.total.Add(1) > int64(limit) {
		l.total.Add(-1)
		return nil, false
	}
	w = &waiter{turn: make(chan struct{}, 1)}
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.first == nil:
		l.first, l.last = w, w
	case again:
		w.next, l.first.prev = l.first, w
		l.first = w
	default:
		w.prev, l.last.next = l.last, w
		l.last = w
	}
	return w, again || l.stuck.Load() == 0
}

// isFirst reports whether w is to listen for changes.
func (l *waitLine) isFirst(w *waiter) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.first == w
}

// inVain notes that w has looked and found nothing: no node at all, for why, or none for a
// reason of its own, if that is nil.
func (l *waitLine) inVain(w *waiter, why error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.count(w, why != nil)
	if why != nil {
		l.why = why
		return
	}
	w.next.tell()
}

// leave gives up w's place: for a node, or because its time is over.
func (l *waitLine) leave(w *waiter, found bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.count(w, false)
	l.total.Add(-1)
	wasFirst, next := w.prev == nil, w.next
	if wasFirst {
		l.first = next
	} else {
		w.prev.next = next
	}
	if next == nil {
		l.last = w.prev
	} else {
		next.prev = w.prev
	}
	if l.first == nil {
		l.why = nil
	}
	if found || wasFirst || w.told() {
		next.tell()
	}
}

// lastWhy is why there was no node for the last one who looked; nil if that is not known.
func (l *waitLine) lastWhy() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.why
}

// count counts w as stuck, or not; mu is held.
func (l *waitLine) count(w *waiter, stuck bool) {
	switch {
	case stuck && !w.stuck:
		l.stuck.Add(1)
	case !stuck && w.stuck:
		l.stuck.Add(-1)
	}
	w.stuck = stuck
}

// tell has w look for a node; w may be nil.
func (w *waiter) tell() {
	if w == nil {
		return
	}
	select {
	case w.turn <- struct{}{}:
	default: // it was told
	}
}

// told reports whether w was told to look and has not.
func (w *waiter) told() bool {
	select {
	case <-w.turn:
		return true
	default:
		return false
	}
}
