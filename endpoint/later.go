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

// maxLater bounds for how long one caller's answer keeps others away: what is asked for
// longer is about him, such as a quota.
const maxLater = 5 * time.Second

// hear takes a verdict. What was not sent, another part has taken care of.
func (l *later) hear(w *weight, v verdict.Verdict) {
	if v.RetryAfter > 0 && v.Sent() {
		l.until.Store(w.now() + int64(min(v.RetryAfter, maxLater)/time.Millisecond) + 1)
	}
}

// learn is told how a call to the node ended. A method's retry-after, as when what it
// depends on is away, keeps calls from that method only; one that comes with the caller's own
// fault is for the caller. The call is still inside; paid says that the node's credit pays for a
// further attempt.
func (e *NodeEndpoint) learn(err error) (paid bool) {
	w := &e.member.weight
	if err == nil {
		w.gain()
		e.member.credit.earn()
		return false
	}
	v := verdict.Of(err)
	switch v.Whose {
	case verdict.Overload:
		w.halve()
		w.later.hear(w, v)
	case verdict.Node, verdict.Path:
		w.later.hear(w, v)
	case verdict.Method:
		e.later.hear(w, v)
	}
	return e.member.account(err, v)
}

// heldBack reports whether the peer wants new calls of the method later than now.
func (e *NodeEndpoint) heldBack() bool {
	w := &e.member.weight
	return w.later.asks(w) || e.later.asks(w)
}
