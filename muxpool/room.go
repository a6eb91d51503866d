package muxpool

import "time"

// An inbox is bounded (WithRecvLimit), and the frames of an answer of several may come
// faster than their reader takes them. Then the read loop waits for room: nothing is read
// from the connection, and TCP tells the peer to hold back. All calls of the connection
// wait with it, so it waits for a short time only (WithRecvWait).
//
// Time is given back with what is taken: who takes a 32nd of an inbox within WithRecvWait,
// again and again, is waited for as long as the answer lasts, since that is no standstill
// but a slow link. Who takes nothing has WithRecvWait in all.

// roomShare is the part of an inbox that gives WithRecvWait back.
const roomShare = 32

// awaitRoom waits until cl, which has the id vid and left to be waited for, may have
// room. Whether it has, the next deliver finds out. It is called by the read loop, which
// holds no lock, and must have told the calls whose answers it has delivered: so cl may
// be anybody's when it returns.
func (a *arrivals) awaitRoom(vid uint32, cl *call, left time.Duration) {
	a.src.Flush() // the woken callers' frames: nobody else would write them meanwhile
	timer := time.NewTimer(left)
	defer timer.Stop()
	select {
	case <-a.room:
	case <-timer.C:
	}
	c := a.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ids.live.find(vid) == cl {
		cl.waited()
	}
}

// crowd notes that the read loop waits, whom room tells of room; mu is held.
func (c *call) crowd(room chan<- struct{}) { c.room, c.since = room, time.Now() }

// waited ends what crowd has begun.
func (c *call) waited() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.room != nil {
		c.charge()
		c.room = nil
	}
}

// charge takes what the read loop has waited off the time that is left; mu is held.
func (c *call) charge() {
	now := time.Now()
	c.left -= now.Sub(c.since)
	c.since = now
}

// regain gives time back for n bytes that were taken; mu is held.
func (c *call) regain(n int) {
	if c.room != nil {
		c.charge()
	}
	share := float64(n) * roomShare / float64(c.limit) * float64(c.wait)
	c.left = min(c.wait, c.left+time.Duration(share))
}

// madeRoom wakes the read loop, if it waits for room in the inbox; mu is held.
func (c *call) madeRoom() {
	if c.room == nil {
		return
	}
	c.charge()
	select {
	case c.room <- struct{}{}:
	default: // it has been told
	}
	c.room = nil
}
