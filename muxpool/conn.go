package muxpool

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/muxkit/muxkit/muxpool/wire"
)

// connState is the state of a conn. It only moves down this list.
type connState uint8

const (
	// connOpen: the conn takes calls.
	connOpen connState = iota
	// connDraining: it takes no new calls. Those that it has may still be
	// answered; with the last of them it closes.
	connDraining
	// connClosed: it has ended. Nothing of it reaches its successor.
	connClosed
)

var connStates = [...]string{"open", "draining", "closed"}

func (s connState) String() string { return name(connStates[:], int(s)) }

// conn is one connection to a node. It lives once: whatever is queued on it, or
// still arrives on it, ends with it.
//
// Its goroutines are the read loop, and the writer's flusher while there is
// something to write that the kernel does not take at once.
type conn struct {
	node     *node
	nc       net.Conn
	local    net.Addr
	remote   net.Addr
	datagram bool
	classify FrameClassifier // nil: every frame is FrameLast

	writer *wire.Writer // nil on a datagram socket

	// inFlight is len(ids.live), written under mu, read by whoever chooses a conn.
	inFlight atomic.Int32
	// frames counts what arrived; written by the read loop.
	frames atomic.Uint64
	// proof is closed with the first of them: the peer does more than to connect.
	proof chan struct{}

	// mu is taken after node.mu and before call.mu and the writer's. It guards the
	// fields below. Under it: no I/O, no call into user code, no wait.
	mu     sync.Mutex
	state  connState
	reason Reason // why it is draining or closed
	err    error  // likewise
	ids    ids
	health health
}

func newConn(n *node, nc net.Conn) (*conn, error) {
	c := &conn{node: n, nc: nc, local: nc.LocalAddr(), remote: nc.RemoteAddr(), datagram: isDatagram(n.key.node.Network), proof: make(chan struct{})}
	var err error
	if c.ids, err = newIDs(n.key.parser); err != nil {
		return nil, err
	}
	c.classify, _ = n.key.parser.(FrameClassifier)
	if !c.datagram {
		c.writer = wire.NewWriter(nc, wire.WriterConfig{
			MaxFrames: n.opts.queueSize,
			Timeout:   n.opts.writeTimeout,
			OnError:   c.writeFailed,
		})
	}
	return c, nil
}

// start sets the conn going; its node has it.
func (c *conn) start() {
	c.mu.Lock()
	c.health.start(c)
	c.mu.Unlock()
	if c.datagram {
		go c.readDatagrams()
	} else {
		go c.readLoop()
	}
}

// scarce reports whether calls may have to wait for each other's ids or slots, so
// that a call whose context has ended must not keep its own until it is closed.
func (c *conn) scarce() bool { return c.node.opts.maxVirConns > 0 || c.ids.small() }

// open puts cl on the conn, with the explicit id if hasVID, or one that it
// allocates. It returns false if the conn takes no call now; an explicit id that
// is in use is ErrDupRequestID.
func (c *conn) open(cl *call, vid uint32, hasVID bool) (bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state != connOpen || c.full() {
		return false, nil
	}
	if !hasVID {
		var ok bool
		if vid, ok = c.ids.allocate(); !ok {
			return false, nil
		}
	} else if c.ids.inUse(vid) {
		return false, ErrDupRequestID
	}
	cl.conn, cl.id, cl.live = c, vid, true
	c.ids.live[vid] = cl
	c.loaded()
	return true, nil
}

// full reports whether the virtual-connection limit is reached; mu is held.
func (c *conn) full() bool {
	limit := c.node.opts.maxVirConns
	return limit > 0 && len(c.ids.live) >= limit
}

// loaded notes that the number of calls has changed; mu is held.
func (c *conn) loaded() {
	n := int32(len(c.ids.live))
	c.inFlight.Store(n)
	if c.writer != nil {
		c.writer.InFlight.Store(n)
	}
	if n > 0 {
		c.health.watch(c)
	}
}

// writeFailed hears from the writer that a write failed. What the peer sent
// before it went away is still to be read, so a peer that is gone only drains.
func (c *conn) writeFailed(err error) {
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, net.ErrClosed) {
		c.close(ReasonWriteFailed, fmt.Errorf("%w: write: %w", ErrConnLost, err))
		return
	}
	c.drain(ReasonWriteFailed, fmt.Errorf("%w: write: %w", ErrConnLost, err))
	time.AfterFunc(lastWords, func() { c.close(ReasonWriteFailed, nil) })
}

// lastWords is how long a conn whose write failed is still read.
const lastWords = 100 * time.Millisecond

// release ends the use of cl's id by its MuxConn.
func (c *conn) release(cl *call) {
	if cl.unwatch != nil {
		cl.unwatch()
	}
	c.detach(cl)
}

// abandon ends cl with err, the end of its context.
func (c *conn) abandon(cl *call, err error) {
	cl.end(err, cl.maybeSent())
	c.ended(cl, errors.Is(err, context.DeadlineExceeded))
}

// expired hears that cl ended with its WithTimeout.
func (c *conn) expired(cl *call) { c.ended(cl, true) }

// ended detaches a call that its caller no longer waits for.
func (c *conn) ended(cl *call, timedOut bool) {
	c.mu.Lock()
	if timedOut && cl.live && cl.writes.Load() > 0 {
		c.health.lapsed++
	}
	c.mu.Unlock()
	c.detach(cl)
}

// detach takes cl off the conn, if it is still on it, and lets the node use the
// slot. Its id stays reserved while answers are to come.
func (c *conn) detach(cl *call) {
	c.mu.Lock()
	if !cl.live {
		c.mu.Unlock()
		return
	}
	cl.live = false
	cl.mu.Lock()
	awaited, surplus := cl.awaited(), cl.surplus()
	cl.mu.Unlock()
	c.ids.release(cl.id, awaited)
	c.loaded()
	c.node.counters.duplicate.Add(uint64(surplus))
	idle, state, worn := len(c.ids.live) == 0, c.state, c.ids.worn()
	c.mu.Unlock()
	switch {
	case state == connDraining && idle:
		go c.finish()
	case state == connOpen && worn:
		c.drain(ReasonIDsExhausted, nil)
	}
	c.node.released(c, idle)
}

// drain stops the conn from taking calls; it closes when it has none left.
func (c *conn) drain(reason Reason, err error) { c.drainIf(func() bool { return true }, reason, err) }

// drainIdle drains the conn if no call is on it.
func (c *conn) drainIdle() {
	c.drainIf(func() bool { return len(c.ids.live) == 0 }, ReasonIdle, nil)
}

// drainIf drains the conn if it is open and cond, called with mu held, is true.
func (c *conn) drainIf(cond func() bool, reason Reason, err error) {
	c.mu.Lock()
	if c.state != connOpen || !cond() {
		c.mu.Unlock()
		return
	}
	c.state, c.reason, c.err = connDraining, reason, err
	calls := len(c.ids.live)
	c.mu.Unlock()
	c.node.connDraining(c, reason, err, calls)
	if calls == 0 {
		go c.finish()
	}
}

// finish closes a drained conn when what was queued on it is sent.
func (c *conn) finish() {
	if c.writer != nil {
		ctx, cancel := context.WithTimeout(c.node.pool.ctx, c.node.opts.writeTimeout)
		defer cancel()
		_ = c.writer.WaitSent(ctx.Done()) // its failure closes the conn all the same
	}
	c.mu.Lock()
	reason, err := c.reason, c.err
	c.mu.Unlock()
	c.close(reason, err)
}

// close ends the conn. Only the first close counts. The node hears of it before
// the calls do, so that their callers find it prepared.
func (c *conn) close(reason Reason, err error) {
	c.mu.Lock()
	if c.state == connClosed {
		c.mu.Unlock()
		return
	}
	if c.state == connDraining && c.err != nil {
		reason, err = c.reason, errors.Join(c.err, err)
	}
	if err == nil {
		err = fmt.Errorf("%w: %s", ErrConnLost, reason)
	}
	c.state, c.reason, c.err = connClosed, reason, err
	calls := len(c.ids.live)
	c.health.stop()
	c.mu.Unlock()

	if c.writer != nil {
		c.writer.Close(err)
	}
	_ = c.nc.Close()
	c.node.connDown(c, reason, err, calls)

	c.mu.Lock()
	defer c.mu.Unlock()
	for _, cl := range c.ids.live {
		cl.live = false
		cl.end(err, c.maybeSent(cl))
	}
	c.ids.live, c.ids.reserved, c.ids.freed = nil, nil, nil
	c.loaded()
}
