package muxpool

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/muxkit/muxkit/muxpool/wire"
)

// writeFailed hears from the writer that a write failed. What the peer sent
// before it went away is still to be read, so a peer that is gone only drains.
func (c *conn) writeFailed(err error) {
	over := wire.DeadlinePassed(err) || errors.Is(err, net.ErrClosed)
	if err = writerError(err); over {
		c.close(ReasonWriteFailed, err)
		return
	}
	c.drain(ReasonWriteFailed, err) // one that drains already has its own reason
	time.AfterFunc(lastWords, func() { c.timed(func() { c.close(ReasonWriteFailed, err) }) })
}

// lastWords is how long a conn whose write failed is still read.
const lastWords = 100 * time.Millisecond

// drain stops the conn from taking calls; it closes when it has none left.
func (c *conn) drain(reason Reason, err error) { c.drainIf(func() bool { return true }, reason, err) }

// drainIdle drains the conn if no call is on it.
func (c *conn) drainIdle() {
	c.drainIf(func() bool { return c.ids.live.len() == 0 }, ReasonIdle, nil)
}

// drainIf drains the conn if it is open and cond, called with mu held, is true.
func (c *conn) drainIf(cond func() bool, reason Reason, err error) {
	c.mu.Lock()
	if c.state != connOpen || !cond() {
		c.mu.Unlock()
		return
	}
	calls := c.ids.live.len()
	if calls == 0 && reason == ReasonWriteFailed {
		reason = ReasonPeerClosed // while idle: no failure
	}
	c.setState(connDraining, reason, err)
	c.mu.Unlock()
	c.node.connDraining(c, reason, err, calls)
	if calls == 0 {
		go c.timed(c.finish)
	}
}

// vacate takes cl off a conn that its peer has closed, and drains that unless others
// are on it.
func (c *conn) vacate(cl *call) {
	c.abandon(cl, endUndone, nil)
	c.drainIf(func() bool { return c.ids.live.len() == 0 }, ReasonPeerClosed,
		because(ErrConnLost, closedIdle(io.EOF)))
}

// finish closes a drained conn when what was queued on it is sent.
func (c *conn) finish() {
	defer c.contain()
	defer c.closeDrained() // also if the plug-in ends the goroutine
	if c.writer != nil {
		c.farewell()
		ctx, cancel := context.WithTimeout(c.node.pool.ctx, c.node.opts.writeTimeout)
		defer cancel()
		_ = c.writer.WaitSent(ctx.Done()) // its failure closes the conn all the same
		if tc, ok := c.nc.(*tls.Conn); ok {
			closeWrite(tc)
			_ = c.writer.WaitSent(ctx.Done())
		}
	}
}

// closeDrained closes a drained conn for the reason for which it was drained.
func (c *conn) closeDrained() {
	c.mu.Lock()
	reason, err := c.reason, c.err
	c.mu.Unlock()
	c.close(reason, err)
}

// whole is why the conn ends, with what it was drained for in front. It asks errors, which may be
// the user's: mu is not held.
func (c *conn) whole(reason Reason, err error) (Reason, error) {
	c.mu.Lock()
	state, first, before := c.state, c.reason, c.err
	c.mu.Unlock()
	if state != connDraining || before == nil {
		return reason, err
	}
	if sameErrno(before, err) { // a write and a read have failed alike
		return first, before
	}
	return first, both(before, err)
}

// close ends the conn. Only the first close counts. The node hears of it before
// the calls do, so that their callers find it prepared.
func (c *conn) close(reason Reason, err error) {
	reason, err = c.whole(reason, err)
	c.mu.Lock()
	if c.state == connClosed {
		c.mu.Unlock()
		return
	}
	if err == nil {
		err = fmt.Errorf("%w: %s", ErrConnLost, reason)
	}
	calls := c.lost()
	if calls == 0 && !c.datagram && (reason == ReasonConnLost || reason == ReasonKeepAliveTimeout && c.health.lapsed == 0) {
		reason = ReasonPeerClosed // no call was lost
	}
	c.setState(connClosed, reason, err)
	c.health.stop()
	c.deadlines.stop()
	c.patience.stop()
	c.mu.Unlock()

	if c.writer != nil {
		c.writer.Close(err)
	}
	hangUp(c.nc, c.node.pool.running.run)
	c.node.connDown(c, reason, err, calls)

	c.endEach(c.liveIDs(), func(*call) bool { return true }, endConn, err)
	c.mu.Lock()
	c.ids.clear()
	c.loaded()
	c.mu.Unlock()
	c.node.ended(c)
}

func (c *conn) liveIDs() []uint32 {
	c.mu.Lock()
	defer c.mu.Unlock()
	ids := make([]uint32, 0, c.ids.live.len())
	for id := range c.ids.live.all() {
		ids = append(ids, id)
	}
	return ids
}

// lost counts the calls that are lost if the conn ends now; mu is held.
func (c *conn) lost() (calls int) {
	for _, cl := range c.ids.live.all() {
		if !cl.tentative.Load() {
			calls++
		}
	}
	return calls
}

// hangUp closes nc without waiting for the peer. TLS would first write an alert,
// and a connection of the user's own may do anything.
func hangUp(nc net.Conn, run func(func())) {
	nc = wire.Bare(nc)
	switch nc.(type) {
	case *net.TCPConn, *net.UnixConn, *net.UDPConn:
		_ = nc.Close()
	default:
		run(func() { shut(nc) })
	}
}
