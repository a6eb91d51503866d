package muxpool

import "time"

// waiter is a Get that waits for a connection, or for a place under the
// virtual-connection limit.
type waiter struct {
	call *call
	done chan error // gets one value when the waiter has left the queue; has room for it

	// Guarded by node.mu.
	prev, next *waiter
	queued     bool
	began      time.Time // when it had to wait; zero: it has not
}

// waiters are in the order of their arrival. Any of them may leave at once, so they are
// a linked list. The zero value is empty.
type waiters struct {
	first, last *waiter
	n           int
}

func (q *waiters) add(w *waiter) {
	w.prev, w.queued = q.last, true
	if q.last == nil {
		q.first = w
	} else {
		q.last.next = w
	}
	q.last = w
	q.n++
}

// remove takes w out, and reports whether it was in.
func (q *waiters) remove(w *waiter) bool {
	if !w.queued {
		return false
	}
	if w.prev == nil {
		q.first = w.next
	} else {
		w.prev.next = w.next
	}
	if w.next == nil {
		q.last = w.prev
	} else {
		w.next.prev = w.prev
	}
	w.prev, w.next, w.queued = nil, nil, false
	q.n--
	return true
}
