package endpoint

import (
	"sync/atomic"
	"time"

	"github.com/muxkit/muxkit/muxpool/verdict"
)

// later is until when a peer wants no new calls, as its retry-after says: to a node, or
// to one method of it. It never refuses: who has no other choice calls all the same. Safe
// for concurrent use; zero asks for nothing, and does not read the clock.
type later struct{ until atomic.Int64 } // in milliseconds of a weight's clock

// asks reports whether the peer wants new calls later than now.
func (l *later) asks(w *weight) bool {
	until := l.until.Load()
	if until == 0 {
		return false
	}
	if w.now() < until {
		return true
	}
	l.until.CompareAndSwap(until, 0)
	return false
}

// hear takes a verdict. What was not sent, another part has taken care of.
func (l *later) hear(w *weight, v verdict.Verdict) {
	if v.RetryAfter > 0 && v.Sent() {
		l.until.Store(w.now() + int64(v.RetryAfter/time.Millisecond) + 1)
	}
}

// learn is told how a call to the node ended. A method's retry-after, as when what it
// depends on is away, keeps calls from that method only.
func (e *NodeEndpoint) learn(err error) {
	w := &e.member.weight
	if err == nil {
		w.gain()
		return
	}
	v := verdict.Of(err)
	if v.Whose == verdict.Overload {
		w.halve()
	}
	if v.Whose == verdict.Method {
		e.later.hear(w, v)
	} else {
		w.later.hear(w, v)
	}
}

// heldBack reports whether the peer wants new calls of the method later than now.
func (e *NodeEndpoint) heldBack() bool {
	w := &e.member.weight
	return w.later.asks(w) || e.later.asks(w)
}
