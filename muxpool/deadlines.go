package muxpool

import (
	"context"
	"time"
)

// deadlines ends the calls of a conn at the deadlines that the Get's options and
// contexts of package deadline have set, with one timer for all of them: most calls have ended long before, and those that come
// later are due later, so hardly any has to do with it. It is guarded by the mutex
// of its conn.
type deadlines struct {
	timer *time.Timer // made with the first deadline
	next  time.Time   // when it fires; zero: it is not set
}

// scanShare bounds the work of finding who is due: a conn with n calls looks for
// them again after n times this much at the earliest, a tenth of the time at most.
const scanShare = 100 * time.Nanosecond

// include makes sure that c looks at its calls at t, unless that has passed, which it
// reports. Most often c will look before t anyway: then the clock need not be read.
// mu is held.
func (d *deadlines) include(c *conn, t time.Time) (passed bool) {
	if !d.next.IsZero() && !t.Before(d.next) {
		return false
	}
	wait := time.Until(t)
	if wait <= 0 {
		return true
	}
	d.set(c, t, wait)
	return false
}

// set makes c look at its calls at t, in wait from now; mu is held.
func (d *deadlines) set(c *conn, t time.Time, wait time.Duration) {
	d.next = t
	if d.timer == nil {
		d.timer = time.AfterFunc(wait, c.endDue)
	} else {
		d.timer.Reset(wait)
	}
}

// stop is called with mu held.
func (d *deadlines) stop() {
	if d.timer != nil {
		d.timer.Stop()
	}
}

// endDue ends the calls whose deadlines have passed.
func (c *conn) endDue() {
	now := time.Now()
	c.endEach(c.due(now), func(cl *call) bool { return cl.due(now) }, endDeadline, context.DeadlineExceeded)
}

// due returns the ids of the calls whose deadlines have passed, and makes sure that c
// looks again when the next does.
func (c *conn) due(now time.Time) (ids []uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state == connClosed { // its end ends them all, and nobody stops the timer any more
		return nil
	}
	var next time.Time
	for id, cl := range c.ids.live.all() {
		switch {
		case cl.deadline.IsZero():
		case cl.due(now):
			ids = append(ids, id)
		case next.IsZero() || cl.deadline.Before(next):
			next = cl.deadline
		}
	}
	if c.deadlines.next = (time.Time{}); !next.IsZero() {
		if soonest := now.Add(time.Duration(c.ids.live.len()) * scanShare); next.Before(soonest) {
			next = soonest
		}
		c.deadlines.set(c, next, next.Sub(now))
	}
	return ids
}

// due reports whether the deadline of a call on the conn has passed. conn.mu is held.
func (cl *call) due(now time.Time) bool { return !cl.deadline.IsZero() && !cl.deadline.After(now) }

// reclaim ends the calls whose contexts have ended, of users who have not closed them yet, or
// never will: others wait for their places. Where that can be foreseen, it is done at once (see
// scarce); how many calls a peer takes, it says when it likes.
func (c *conn) reclaim() {
	ids := c.liveIDs()
	for why, err := range map[callEnd]error{endCanceled: context.Canceled, endDeadline: context.DeadlineExceeded} {
		c.endEach(ids, func(cl *call) bool {
			ended := ctxEnded(cl.ctx, cl.dctx)
			return ended != nil && endOf(ended) == why
		}, why, err)
	}
}
