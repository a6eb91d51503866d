package muxpool

import (
	"context"
	"math/rand/v2"
	"net"
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

// setState is the one door for the state of a conn. mu is held.
func (c *conn) setState(s connState, reason Reason, err error) {
	if s <= c.state {
		panic(bugf("a conn that is %v becomes %v", c.state, s))
	}
	c.state, c.reason, c.err = s, reason, err
}

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
	at       string // remote's text; empty where a connection of the user's own tells none
	session  any    // what HandshakeSession returned; never changed
	datagram bool
	classify FrameClassifier // nil: every frame is FrameLast
	ordered  bool            // answers come in order, without ids
	fewIDs   bool            // the protocol has few ids
	bulk     bool            // it is the node's bulk connection

	writer  *wire.Writer       // nil on a datagram socket
	packets *wire.PacketWriter // nil on any other
	// peer is what the peer says that it takes; nil: it has said nothing. Written by
	// the read loop.
	peer    atomic.Pointer[Settings]
	settles bool // the peer may say something; never changed
	// madeRoom has a signal when there is room in an inbox that the read loop waits for (see
	// awaitRoom); nil on a datagram socket.
	madeRoom chan struct{}

	// inFlight is how many calls are live, written under mu, read by whoever chooses
	// a conn. On a stream it is the writer's.
	inFlight *atomic.Int32
	newest   atomic.Uint64 // which call came last; likewise
	// frames counts what arrived, bytes those of a stream; awaits is what the read loop waits
	// for the rest of a frame. All are written by the read loop.
	frames atomic.Uint64
	bytes  atomic.Uint64
	reads  atomic.Uint64
	awaits atomic.Uint32
	// datagrams counts bytes of datagrams, and writes of one each.
	datagrams struct{ read, written, writes atomic.Uint64 }
	// proof is closed when the peer has answered: it does more than to connect.
	proof   chan struct{}
	proving atomic.Bool  // proof is closed, or about to be
	oneWay  atomic.Int64 // when the kernel took the first one-way frame, in ns since born, plus 1; 0: none
	next    nextFrame    // who waits for an answer after a ping; says itself what guards it
	// slot is the one that has the conn, or had it last. It is guarded by node.mu.
	slot *slot

	// mu is taken after node.mu and before call.mu and the writer's. It guards the
	// fields below. Under it: no I/O, no call into user code, no wait.
	mu     sync.Mutex
	state  connState
	reason Reason // why it is draining or closed
	err    error  // likewise
	unread bool   // the peer has read nothing of what was written: see refusedUs
	ids    ids
	calls  Calls // that were on the conn
	health health

	// rested is when the last call left, in ns since born; 0 before the first.
	rested atomic.Int64
	born   time.Time
	peek   *peeker // nil where it cannot

	deadlines deadlines
	patience  patience // says itself what guards it
}

// newConn makes a conn of nc. session is what its handshake learned, settings the frame
// that goes out in front of the first one; nil: none.
func newConn(n *node, nc net.Conn, session any, settings []byte) *conn {
	c := &conn{node: n, nc: nc, session: session, proof: make(chan struct{})}
	c.local, c.remote, c.at = addressesOf(nc)
	c.datagram = isDatagram(n.key.node.Network)
	c.ids = newIDs(n.space, rand.Uint64N(n.space.n))
	c.ordered, c.fewIDs = n.ordered, c.ids.small()
	c.born = time.Now()
	c.patience.born = c.born
	c.classify, _ = n.key.parser.(FrameClassifier)
	if c.datagram {
		c.inFlight = new(atomic.Int32)
		c.packets = wire.NewPacketWriter(nc)
	} else {
		c.writer = wire.NewWriter(nc, wire.WriterConfig{
			MaxFrames: n.opts.queueSize,
			Timeout:   n.opts.writeTimeout,
			OnError:   c.writeFailed,
			Flushers:  &n.pool.running,
		})
		c.writer.Precede(settings)
		c.settles = settings != nil
		c.inFlight = &c.writer.InFlight
		c.peek = newPeeker(nc)
		c.madeRoom = make(chan struct{}, 1)
	}
	return c
}

// start sets the conn going; its node has it.
func (c *conn) start() {
	c.mu.Lock()
	c.health.start(c)
	c.mu.Unlock()
	if c.datagram {
		c.node.pool.running.run(c.readDatagrams)
	} else {
		c.node.pool.running.run(c.readLoop)
	}
}

// timed runs f on a goroutine that the pool does not count, as a timer's, unless the conn has ended. It may call user code, and Done
// waits for it.
func (c *conn) timed(f func()) {
	c.mu.Lock()
	ended := c.state == connClosed
	if !ended { // under mu: then the pool, which closes the conn first, is not done
		c.node.pool.running.Begin()
	}
	c.mu.Unlock()
	if ended {
		return
	}
	defer c.node.pool.running.End()
	f()
}

// scarce reports whether calls may have to wait for each other's ids or places, so
// that a call whose context has ended must not keep its own until it is closed.
func (c *conn) scarce() bool { return c.node.opts.maxVirConns > 0 || c.fewIDs }

// open puts cl on the conn, with its explicit id or one that is allocated. It
// returns false if the conn takes no call now; an explicit id that is in use is
// ErrDupRequestID, a deadline that has passed context.DeadlineExceeded.
func (c *conn) open(cl *call) (bool, error) {
	c.mu.Lock()
	defer c.unlock()
	if c.state != connOpen || c.full() {
		return false, nil
	}
	if !cl.deadline.IsZero() && c.deadlines.include(c, cl.deadline) {
		return false, context.DeadlineExceeded
	}
	switch {
	case !cl.explicit:
		id, ok := c.ids.allocate()
		if !ok {
			return false, nil
		}
		cl.id = id
	case c.ids.inUse(cl.id):
		return false, ErrDupRequestID
	}
	cl.conn = c
	c.ids.enter(cl)
	cl.live = true
	c.calls.Started++
	cl.nth = c.calls.Started
	c.newest.Store(cl.nth)
	c.loaded()
	return true, nil
}

// full reports whether the virtual-connection limit is reached, or the peer has as many
// calls as it takes, those included whose callers have left; mu is held.
func (c *conn) full() bool {
	limit := c.node.opts.maxVirConns
	return limit > 0 && c.ids.live.len() >= limit || c.peerFull()
}

// peerFull is the peer's part of full; mu is held.
func (c *conn) peerFull() bool {
	limit := c.peerCalls()
	return limit > 0 && c.ids.live.len()+c.ids.reserved.len() >= limit
}

// room reports whether one more call could be put on the conn.
func (c *conn) room() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state == connOpen && !c.full() && !c.ids.full()
}

// starving returns since when callers that have left keep others off the conn; zero: they
// do not. mu is held.
func (c *conn) starving(now time.Time) time.Time {
	most := c.ids.space.n
	if limit := c.peerCalls(); limit > 0 {
		most = min(most, uint64(limit))
	}
	return c.ids.starving(now, most)
}

// loaded notes that the number of calls has changed; mu is held.
func (c *conn) loaded() {
	n := c.ids.live.len()
	c.inFlight.Store(int32(n))
	if n > 0 {
		c.health.begin(c)
	} else {
		c.rested.Store(int64(time.Since(c.born)))
	}
}

// peekAfter is how long a conn must have been idle for a look at its socket to be worth it.
const peekAfter = 10 * time.Microsecond

// hungUp reports whether the peer had closed the conn when a Get put its call on it,
// whether or not the read loop has heard of that.
func (c *conn) hungUp() bool {
	rested := time.Duration(c.rested.Load()) // before inFlight: a conn that ends now changes both
	switch c.inFlight.Load() {
	case 0: // the call has been ended already
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.state == connClosed
	case 1:
		return time.Since(c.born)-rested >= peekAfter && c.peek.hungUp()
	}
	return false // somebody else is using it
}
