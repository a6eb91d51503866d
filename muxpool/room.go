package muxpool

import "time"

// An inbox is bounded (WithRecvLimit), and the frames of an answer of several may come
// faster than their reader takes them. Then the read loop waits for room: nothing is read
// from the connection, and TCP tells the peer to hold back. All calls of the connection
// wait with it, so it waits for a short time only: WithRecvWait in all for a call, which
// comes back at a 32nd of the pace at which it was spent. So whoever reads slowly holds up
// the others for a 32nd of their time, in the long run.
//
// A call that has its connection to itself holds up nobody: none has come to it since. To it time is
// given back with what is taken: who takes a 32nd of an inbox within WithRecvWait, again and
// again, is waited for as long as its frames come: that is no standstill but a slow link.
//
// An answer that is gathered in memory is as well kept there unread: nobody waits for it.

// roomShare is the part of the time, or of an inbox, that gives time back.
const roomShare = 32

// Gather implements Gatherer, until the MuxConn is closed.
func (m *muxConn) Gather() {
	if c := m.enter(); c != nil {
		c.gather(m.MaxAnswerSize())
		m.leave()
	}
}

// gather lets size bytes wait unread, if that is more.
func (c *call) gather(size int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if size > c.limit {
		c.limit = size
		c.madeRoom()
	}
}

// awaitRoom waits until cl, which has the id vid and left to be waited for, may have
// room. Whether it has, the next deliver finds out. It is called by the read loop, which
// holds no lock, and must have told the calls whose answers it has delivered: so cl may
// be anybody's when it returns.
func (a *arrivals) awaitRoom(vid uint32, cl *call, left time.Duration) {
	a.src.Flush() // the woken callers' frames: nobody else would write them meanwhile
	timer := time.NewTimer(left)
	defer timer.Stop()
	select {
	case <-a.conn.madeRoom:
	case <-timer.C:
	}
	c := a.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ids.live.find(vid) == cl {
		cl.waited()
	}
}

// left is for how long the read loop may still wait for the reader, which it does not yet; mu is held.
func (c *call) left() time.Duration {
	now := time.Since(c.conn.born)
	c.refund((now - c.since) / roomShare) // nothing, if nothing was spent
	c.since = now
	return c.conn.node.opts.recvWait - c.spent
}

// waited ends what a deliver that was crowded has begun.
func (c *call) waited() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.crowded {
		c.charge()
		c.crowded = false
	}
}

// charge counts what the read loop has waited as spent; mu is held.
func (c *call) charge() {
	now := time.Since(c.conn.born)
	c.spent += now - c.since
	c.since = now
}

// regain gives time back for n bytes that were taken, if nobody is held up; mu is held.
func (c *call) regain(n int) {
	if c.conn.newest.Load() != c.nth || c.conn.inFlight.Load() > 1 {
		return
	}
	if c.crowded {
		c.charge()
	}
	wait := c.conn.node.opts.recvWait
	c.refund(time.Duration(float64(n) * roomShare / float64(c.limit) * float64(wait)))
}

// refund gives d back; mu is held.
func (c *call) refund(d time.Duration) { c.spent = max(0, c.spent-d) }

// madeRoom wakes the read loop, if it waits for room in the inbox; mu is held.
func (c *call) madeRoom() {
	if !c.crowded {
		return
	}
	c.charge()
	select {
	case c.conn.madeRoom <- struct{}{}:
	default: // it has been told
	}
	c.crowded = false
}
