package muxpool

import (
	"context"
	"errors"
	"time"
)

// callEnd is a way in which a call ends. What that means is decided in this file alone:
// endRules says it, and conn.end does it.
type callEnd uint8

const (
	// endClosed: its MuxConn was closed while a method of it was at work, or may have been.
	endClosed callEnd = iota
	// endDone: its MuxConn was closed, and nobody is at work on the call any more.
	endDone
	// endUndone: a Get takes back that it has put the call on the conn: nobody has seen it.
	endUndone
	// endCanceled: its context has ended before its time.
	endCanceled
	// endDeadline: its time, or that of its context, is over.
	endDeadline
	// endOverflow: more came for it than it may leave unread.
	endOverflow
	// endTooLarge: its answer was too large, and was passed over.
	endTooLarge
	// endConn: the conn has ended.
	endConn
	// endTakenID: its explicit id is in use. It was never on the conn.
	endTakenID
)

// endRule says what one way of ending means. What has arrived is still read, and who is
// told hears of it at once, whether in Read or in Write.
type endRule struct {
	id   idAfter
	sent sentAfter
	told bool // who is at work on the call, or comes to it
	drop bool // what is unread is dropped; and it is the last word, whatever ended the call before
}

// idAfter is what becomes of the id.
type idAfter uint8

const (
	idGone  idAfter = iota // with the conn, which ends; or the call had none
	idKept                 // live: its user closes the call
	idLeft                 // free; or, while answers are to come, reserved for them
	idTimed                // likewise, and answers that are to come are overdue (see health.lapsed)
)

// sentAfter is how it is known whether the request may have reached the peer.
type sentAfter uint8

const (
	sentNever    sentAfter = iota
	sentAnswered           // something came for it: it has
	sentQueued             // if a frame is queued, it will be, since the conn lives; none is queued from now on
	sentWritten            // as the writer says, which has ended
)

var endRules = [...]endRule{
	endClosed:   {id: idLeft, sent: sentQueued, told: true, drop: true},
	endDone:     {id: idLeft},
	endUndone:   {id: idLeft},
	endCanceled: {id: idLeft, sent: sentQueued, told: true},
	endDeadline: {id: idTimed, sent: sentQueued, told: true},
	endOverflow: {id: idKept, sent: sentAnswered, told: true},
	endTooLarge: {id: idKept, sent: sentAnswered, told: true},
	endConn:     {id: idGone, sent: sentWritten, told: true},
	endTakenID:  {id: idGone, sent: sentNever, told: true},
}

// endOf is the way of a call whose context has ended with err.
func endOf(err error) callEnd {
	if errors.Is(err, context.DeadlineExceeded) {
		return endDeadline
	}
	return endCanceled
}

// end ends the use of the conn by cl: err is what its user hears. A call that has ended
// already keeps its first error and what was said of its request, unless the rule is to
// drop that; its id may still have to leave. mu is held. The caller then calls departed.
func (c *conn) end(cl *call, why callEnd, err error) departure {
	rule := &endRules[why]
	cl.end(why, err) // before its balance: a Write that is not in that sees it ended
	if !cl.live || rule.id == idKept {
		return departure{}
	}
	awaited, excess := cl.balance()
	if cl.over.Load() {
		why = cl.why // of what ended it first
	}
	c.calls.count(why, awaited)
	if rule.id == idGone {
		c.ids.live.remove(cl.id)
		cl.leftConn()
		return departure{}
	}
	if rule.id == idTimed && awaited > 0 && c.taken(cl) && (!c.datagram || c.moves()) {
		c.health.lapsed++
		c.health.turn.lapse(c)
	}
	cl.owed = max(awaited, 0)
	if c.ids.leave(cl.id, cl.owed); cl.owed > 0 {
		c.starving(time.Now()) // if so, from now on
	}
	if excess > 0 {
		c.node.counters.duplicate.Add(uint64(excess))
	}
	cl.leftConn()
	c.loaded()
	idle := c.ids.live.len() == 0
	return departure{
		any: true, idle: idle,
		last:     idle && c.state == connDraining,
		overfull: c.state == connOpen && c.ids.overfull(),
	}
}

// leftConn notes that cl is not on its conn any more: from now on it is nobody's but its
// user's. conn.mu is held.
func (cl *call) leftConn() {
	if cl.live = false; cl.over.Load() {
		cl.mu.Lock()
		cl.off = true
		cl.mu.Unlock()
	}
}

// hasLeft reports whether cl has ended, and is not on its conn any more.
func (cl *call) hasLeft() bool {
	if !cl.over.Load() {
		return false
	}
	cl.mu.Lock()
	defer cl.mu.Unlock()
	return cl.off
}

// end is the part of the end that is the call's own.
func (cl *call) end(why callEnd, err error) {
	if endRules[why].told {
		cl.mu.Lock()
		defer cl.mu.Unlock()
		cl.finish(why, err)
	}
}

// finish is end with cl.mu held.
func (cl *call) finish(why callEnd, err error) {
	rule := &endRules[why]
	if cl.gone = cl.gone || rule.drop; cl.err != nil {
		if rule.drop {
			cl.err = err // the signal of what ended it first is there, or with who reads
		}
		return
	}
	switch rule.sent {
	case sentAnswered:
		cl.sent = true
	case sentQueued:
		cl.sent = cl.first.Seal()
	case sentWritten:
		cl.sent = cl.conn.maybeSent(cl)
	}
	cl.err, cl.why = err, why
	cl.over.Store(true)
	if cl.stop != nil {
		close(cl.stop)
	}
	cl.madeRoom()
	cl.signal()
}

// abandon ends cl on a conn that goes on, in whatever way. Who comes to a call that has
// ended, and is not on the conn any more, leaves its lock alone.
func (c *conn) abandon(cl *call, why callEnd, err error) {
	if cl.hasLeft() {
		cl.end(why, err)
		return
	}
	c.departed(c.endLocked(cl, why, err))
}

func (c *conn) endLocked(cl *call, why callEnd, err error) departure {
	c.mu.Lock()
	defer c.unlock()
	return c.end(cl, why, err)
}

// endPortion is how many calls are ended under one lock.
const endPortion = 256

// endEach ends those calls with ids that still are live and of which is true, in portions:
// those that were told may do something about it, and others get on, before the last are.
func (c *conn) endEach(ids []uint32, which func(*call) bool, why callEnd, err error) {
	for len(ids) > 0 {
		n := min(endPortion, len(ids))
		c.departed(c.endSome(ids[:n], which, why, err))
		ids = ids[n:]
	}
}

func (c *conn) endSome(ids []uint32, which func(*call) bool, why callEnd, err error) (left departure) {
	c.mu.Lock()
	defer c.unlock()
	for _, id := range ids {
		if cl := c.ids.live.find(id); cl != nil && which(cl) {
			left.add(c.end(cl, why, err))
		}
	}
	return left
}

// keep keeps the id of cl from others until unwrite, whatever ends cl and its answers meanwhile:
// as if one more frame had been written. It returns false if the id is another call's by now.
func (c *conn) keep(cl *call) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !cl.live {
		if c.state == connClosed || c.ids.live.find(cl.id) != nil {
			return false
		}
		cl.owed++
		c.ids.reserved.set(cl.id, c.ids.reserved.awaited(cl.id)+1)
	}
	cl.writes.Add(1)
	return true
}

// unwrite takes back a write that did not come about. If the call has left and its
// id is reserved for the answer, the id is free; but a reservation that came after
// is somebody else's.
func (c *conn) unwrite(cl *call) {
	c.mu.Lock()
	cl.writes.Add(-1)
	awaited, _ := cl.balance()
	owed := cl.owed > max(awaited, 0)
	if owed {
		cl.owed--
		owed = c.ids.late(cl.id, true)
	}
	c.mu.Unlock()
	if owed {
		c.node.placeFreed(c, false)
	}
}

// departure says what the leaving of calls is to lead to.
type departure struct {
	any      bool // a call has left: its place is free
	idle     bool // none is left
	last     bool // none is left on a conn that drains
	overfull bool // too many ids are reserved
}

// add adds what happened next.
func (d *departure) add(next departure) {
	if next.any {
		*d = next
	}
}

// departed does it; no lock is held.
func (c *conn) departed(d departure) {
	switch {
	case !d.any:
		return
	case d.last:
		go c.timed(c.finish)
	case d.overfull:
		c.drain(ReasonIDsExhausted, nil)
	}
	c.node.placeFreed(c, d.idle)
}
