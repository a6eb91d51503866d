package muxpool

import (
	"context"
	"errors"
)

// release ends the use of cl's id by its MuxConn.
func (c *conn) release(cl *call) {
	if cl.unwatch != nil {
		cl.unwatch()
	}
	c.detach(cl)
}

// detach takes cl off the conn, if it is still on it.
func (c *conn) detach(cl *call) {
	c.mu.Lock()
	left := c.remove(cl)
	c.mu.Unlock()
	c.departed(left)
}

// abandon ends cl with err, the end of its context.
func (c *conn) abandon(cl *call, err error) {
	c.mu.Lock()
	left := c.giveUp(cl, err)
	c.mu.Unlock()
	c.departed(left)
}

// giveUp ends cl with err, the end of its context or of its time; mu is held. The
// caller then calls departed.
func (c *conn) giveUp(cl *call, err error) departure {
	if cl.live && errors.Is(err, context.DeadlineExceeded) {
		if awaited, _ := cl.balance(); awaited > 0 && c.taken(cl) {
			c.health.lapsed++ // before its user hears of it, and closes it
		}
	}
	cl.giveUp(err)
	return c.remove(cl)
}

// remove takes cl off the conn, if it is still on it; its id stays reserved while
// answers are to come. mu is held. The caller then calls departed.
func (c *conn) remove(cl *call) departure {
	if !cl.live {
		return departure{}
	}
	cl.live = false
	awaited, excess := cl.balance()
	cl.owed = max(awaited, 0)
	c.ids.release(cl.id, awaited)
	if excess > 0 {
		c.node.counters.duplicate.Add(uint64(excess))
	}
	c.loaded()
	idle := c.ids.live.len() == 0
	return departure{
		any: true, idle: idle,
		last: idle && c.state == connDraining,
		worn: c.state == connOpen && c.ids.worn(),
	}
}

// departure says what the leaving of calls is to lead to.
type departure struct {
	any  bool // a call has left: its place is free
	idle bool // none is left
	last bool // none is left on a conn that drains
	worn bool // too many ids are reserved
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
		go c.finish()
	case d.worn:
		c.drain(ReasonIDsExhausted, nil)
	}
	c.node.released(c, d.idle)
}
