package muxpool

import "time"

// What proves a peer. A connect does not: a balancer without backends connects, a process
// that is stopped does, and so does a server that is about to leave. What proves it is
//
//   - an answer to a call, also to one whose caller has left, or to a keepalive frame: what a peer says
//     to nobody, as that it has no room, or before it was asked anything, is none, or
//   - for those who only send (WithOneWay): one-way frames that the kernel took, while
//     the connection has outlived the time after which the kernel would have given up
//     on them (see deliverTime).
//
// Proof takes back whatever was held against the peer (see slotLife).

// answered notes that a frame has come that proves the peer.
func (c *conn) answered() {
	c.next.arrived()
	c.prove()
}

// prove notes that the peer is proven. No lock is held.
func (c *conn) prove() {
	if c.proving.Load() || !c.proving.CompareAndSwap(false, true) {
		return
	}
	close(c.proof)
	c.node.proved(c)
}

// deliverTime is after which time the kernel, had it got no acknowledgement of a frame,
// would have ended the connection.
func (c *conn) deliverTime() time.Duration {
	return max(oneAndHalf(c.node.opts.keepAlive), c.node.opts.stallTimeout)
}

// delivered hears that the kernel has taken a one-way frame.
func (c *conn) delivered() {
	if c.proving.Load() || c.datagram {
		return
	}
	c.oneWay.CompareAndSwap(0, int64(time.Since(c.born))+1)
	if c.sentLately() {
		c.prove()
	}
}

// sentLately reports whether one-way frames prove the peer.
func (c *conn) sentLately() bool {
	first := time.Duration(c.oneWay.Load())
	return first > 0 && time.Since(c.born)-(first-1) >= c.deliverTime()
}

// proven reports whether the peer was proven on this conn, which has ended.
func (c *conn) proven() bool { return c.proving.Load() || c.sentLately() }

// endedSoon reports whether the peer is to blame for the short life of the conn, which
// has ended for this reason. One that lived for longer needs no brake.
func (c *conn) endedSoon(reason Reason) bool {
	ours := reason == ReasonIdle || reason == ReasonIDsExhausted || reason == ReasonPoolClosed || reason == ReasonDropped || reason == ReasonBug || reason == ReasonRetired
	return !ours && time.Since(c.born) < c.deliverTime()
}
