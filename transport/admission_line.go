package transport

import (
	"sync"
	"sync/atomic"
)

// line is where calls wait for one of ServiceWorkers. Each account has a queue of its
// own, and they take turns: who has many calls waiting delays the others by one each.
type line struct {
	free, waiting atomic.Int64 // workers; calls. Changed with mu held

	mu          sync.Mutex // a leaf, taken with a serverConn's held
	first, last *waiting   // accounts with calls that wait, in the order of their turns
	holders     int        // accounts of which any call waits
}

// waiting is one account's queue in a line, guarded by its mutex.
type waiting struct {
	first, last *serverCall // linked by queued and ahead
	calls       int         // from first to last
	next        *waiting    // in the order of turns
	turn        bool        // it has one to come
}

// join reports whether call may run now, which takes a worker; otherwise it waits, or
// is refused.
func (l *line) join(w *waiting, call *serverCall, most int) (now bool, r refusal) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.free.Load() > 0:
		l.free.Add(-1)
		return true, admitted
	case !l.roomFor(w, most):
		return false, tooManyWaiting
	}
	l.waiting.Add(1)
	if w.calls++; w.calls == 1 {
		l.holders++
	}
	call.waits, call.ahead = true, w.last
	if w.last == nil {
		w.first = call
	} else {
		w.last.queued = call
	}
	w.last = call
	l.push(w)
	return false, admitted
}

// roomFor is the rule for places: mu is held.
func (l *line) roomFor(w *waiting, most int) bool {
	return hasPlace(w.calls, int(l.waiting.Load()), most, l.holders)
}

// hasPlace is the rule for places, of which there are most and so many are taken, as
// admitBytes is that for bytes: up to half of them anybody may have who has mine already.
// Beyond, nobody gets one with more than seven times an equal share of what is left, or,
// with less than a 512th of all, three times as much: so that those who have taken what
// they could get do not shut out who has a few.
func hasPlace(mine, taken, most, holders int) bool {
	left := most - taken
	share := 7 * left / max(holders, 1)
	if mine < most/512 {
		share *= 3
	}
	return left > 0 && (taken < most/2 || mine <= share)
}

// next is for a worker that has run its call: the one to run now. If there is none, the
// worker is free.
func (l *line) next() *serverCall {
	l.mu.Lock()
	defer l.mu.Unlock()
	for w := l.first; w != nil; w = l.first {
		if l.first = w.next; l.first == nil {
			l.last = nil
		}
		w.next, w.turn = nil, false
		if call := w.first; call != nil {
			l.remove(w, call)
			if w.first != nil {
				l.push(w)
			}
			return call
		}
	}
	l.free.Add(1)
	return nil
}

// quit takes a call out that waits; it reports false if it does not.
func (l *line) quit(w *waiting, call *serverCall) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !call.waits {
		return false
	}
	l.remove(w, call)
	return true
}

// remove takes a call out of its account's queue; mu is held.
func (l *line) remove(w *waiting, call *serverCall) {
	l.waiting.Add(-1)
	if w.calls--; w.calls == 0 {
		l.holders--
	}
	if call.ahead == nil {
		w.first = call.queued
	} else {
		call.ahead.queued = call.queued
	}
	if call.queued == nil {
		w.last = call.ahead
	} else {
		call.queued.ahead = call.ahead
	}
	call.ahead, call.queued, call.waits = nil, nil, false
}

// push gives an account a turn behind the others', unless it has one; mu is held.
func (l *line) push(w *waiting) {
	if w.turn {
		return
	}
	w.turn = true
	if l.first == nil {
		l.first = w
	} else {
		l.last.next = w
	}
	l.last = w
}
