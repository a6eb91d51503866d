package transport

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/wire"
)

// The times of a graceful end.
const (
	quietTold   = time.Second            // for a client that was told to close the connection, when it is quiet
	quietUntold = 100 * time.Millisecond // for a client that cannot be told without a call, and had none lately
	lately      = 5 * time.Second        // if it had, it has quietTold, after stayTime: what it sends as the connection ends is lost
	lookTime    = 5 * time.Millisecond   // for what has come before that was over, and was not read
	stayTime    = 2 * time.Second        // calls are run of a client that was told; then they are refused
	lastTime    = 5 * time.Second        // for a client that was told and calls all the same
	lingerTime  = 500 * time.Millisecond // for the client to read the last answers and close
	restTime    = 5 * time.Second        // for the calls of a client that has closed its side
)

// shrinkTime is how long nothing has come when the memory of reading and writing is
// given back, shrinkAgain when that is done again, if calls were under way.
const (
	shrinkTime  = time.Second
	shrinkAgain = 5 * time.Second
)

var (
	errDrained    = errors.New("transport: connection drained")
	errClientLeft = errors.New("transport: the client closed the connection")
	errExited     = errors.New("transport: a handler or a callback ended the goroutine of its connection")
)

// serverConn is a connection from a client. The goroutine of serve reads it; the
// writer's writes.
type serverConn struct {
	service *Service
	raw     net.Conn        // as accepted; what stop closes
	ctx     context.Context // ends with the connection
	cancel  context.CancelCauseFunc
	values  *connContext // below ctx; changed by greetAndRead only, before there are calls

	// Set by greet, then unchanged; calls come after it.
	nc       net.Conn           // raw, or TLS on it
	callCtx  context.Context    // of the calls, below it ctx
	endCalls context.CancelFunc // of callCtx
	reader   *wire.Reader       // owned by serve
	source   timedSource        // owned by serve
	writer   *wire.Writer       // its InFlight counts the calls

	greeted   atomic.Bool   // the client's greeting is over: set by greet, or by drain, which lets it go then
	left      atomic.Bool   // the client has: rest is told when no call is in flight
	rest      chan struct{} // has room for one
	draining  atomic.Bool
	told      bool         // that the connection is going away; owned by serve
	toldAt    time.Time    // owned by serve
	busy      bool         // it had calls lately, when it was told; owned by serve
	acked     uint64       // when underWay was last asked; owned by serve
	born      time.Time    // never changed
	oldAt     time.Time    // when ServiceMaxConnAge is over; zero: never. Never changed
	quiet     atomic.Int64 // when the last call ended, in nanoseconds from born
	met       bool         // a frame of the client's was read; owned by serve
	parted    bool         // last words were said; owned by serve
	announced bool         // firstCalls was reached, and the settings told; owned by serve
	answering bool         // a call is being answered where the client is read; owned by serve
	throttle  throttle
	account   account // its owner is serve; when all have left, the service forgets the connection

	// peer is what the client says that it takes; nil: nothing yet. Written by serve.
	peer atomic.Pointer[muxpool.Settings]

	// mu guards the fields below.
	mu    sync.Mutex
	queue runQueue    // used unless ServiceWorkers bounds the workers
	byID  serverCalls // used if the protocol tells requests from other frames
}

func newServerConn(s *Service, nc net.Conn) *serverConn {
	c := &serverConn{service: s, raw: nc, born: time.Now(), rest: make(chan struct{}, 1)}
	if age := min(s.maxAge, math.MaxInt64/2); age > 0 {
		c.oldAt = c.born.Add(age - age/10 + rand.N(age/5+1))
	}
	c.throttle.init()
	c.values = &connContext{Context: context.Background(), protocol: s.protocol, since: c.born}
	c.ctx, c.cancel = context.WithCancelCause(c.values)
	c.account.open(&s.door, s.limits.MaxInFlightPerConn)
	return c
}

// serve is the life of a connection.
func (c *serverConn) serve() { c.live(c.greetAndRead) }

// live does what is left of a connection's life, and ends it. Whatever code of others
// panics on the way, or ends the goroutine, the connection alone ends; and if that was a
// call's, which has been answered, not even that: another goroutine reads on.
func (c *serverConn) live(life func() error) {
	err := errExited
	defer func() {
		if err == errExited && c.answering {
			c.answering = false
			go c.live(c.readAll)
			return
		}
		c.end(err)
	}()
	err = contained(life)
}

// contained returns the error of f, or its panic.
func contained(f func() error) (err error) {
	defer caught(&err)
	return f()
}

// greetAndRead greets the client and reads what it sends, until the error that is returned.
func (c *serverConn) greetAndRead() (err error) {
	c.values.local, c.values.remote = c.raw.LocalAddr(), c.raw.RemoteAddr()
	if s := c.service; s.limits.perPeer() {
		if c.account.peer, err = s.peers.join(c.values.remote, s.limits.MaxConnsPerPeer); err != nil {
			s.door.refused[tooManyConnsOfPeer].Add(1)
			return err
		}
	}
	if err := c.greet(); err != nil {
		return err
	}
	return c.readAll()
}

// refuse closes a connection that was not let in.
func (c *serverConn) refuse(err error) {
	defer c.cancel(err)
	_ = c.raw.Close()
	c.values.remote = c.raw.RemoteAddr()
	c.service.reports.report(c.ctx, err)
}

// end is the end of that life, for the reason err.
func (c *serverConn) end(err error) {
	if cause := context.Cause(c.ctx); cause != nil {
		err = cause // what follows from it is no news
	}
	defer c.ended(err) // also if what is read until then ends the goroutine
	if err == errClientLeft && c.writer != nil {
		c.answerRest()
	}
	if c.parted || errors.Is(err, errDrained) {
		c.linger()
	}
}

// ended is the last that the goroutine does.
func (c *serverConn) ended(err error) {
	if c.writer != nil {
		c.writer.Close(err) // first: what calls answer because their contexts end is for nobody
	}
	c.stop(err)
	if c.reader != nil {
		c.reader.Close()
	}
	c.service.closed()
	c.service.peers.closed(c.account.peer)
	if !errors.Is(err, errDrained) && !errors.Is(err, errClientLeft) && !errors.Is(err, ErrServiceClosed) {
		c.service.reports.report(c.ctx, err)
	}
	if c.account.part() {
		c.gone()
	}
}

// gone is called when the connection has ended and its last call is done.
func (c *serverConn) gone() {
	c.service.peers.leave(c.account.peer)
	c.service.forget(c)
}

// stop ends the connection at once. It may be called by anyone.
func (c *serverConn) stop(cause error) {
	c.cancel(cause)
	_ = c.raw.Close()
}

// readAll reads frames until the connection ends; the error says why.
func (c *serverConn) readAll() error {
	for {
		if err := c.await(); err != nil {
			return err
		}
		c.source.turn.step()
		id, frame, err := c.service.protocol.Parse(c.reader)
		if err != nil {
			if err = c.passOver(err); err != nil {
				return err
			}
			continue
		}
		c.meet()
		if err := c.handle(id, wire.Own(frame, c.reader)); err != nil {
			return err
		}
	}
}

// await waits for the first byte of a frame.
func (c *serverConn) await() error {
	if c.isOld(c.source.arrived) {
		c.draining.Store(true)
	}
	switch {
	case !c.draining.Load():
	case !c.told:
		c.tell()
	case c.isOver():
		return errDrained
	}
	c.source.beginWait()
	for {
		c.reader.BeginFrame()
		b, err := c.reader.Peek(1)
		if err == nil {
			if sep := c.service.separator; sep != nil && sep.Separates(b[0]) {
				_, _ = c.reader.Discard(1)
				continue
			}
			c.source.beginFrame()
			return nil
		}
		switch now := time.Now(); {
		case !isTimeout(err):
			return c.whyEnded(err)
		case c.draining.Load() && !c.told:
			c.tell()
		case !c.source.shrunk && now.Sub(c.source.since) >= shrinkTime:
			c.source.shrink(now)
		case c.isOld(now):
			c.draining.Store(true)
		case now.Before(c.quietEnd(now)):
		case c.underWay():
			c.quiet.Store(int64(now.Sub(c.born)))
		case c.source.look:
			return errDrained
		case c.draining.Load():
			c.source.look = true
		default:
			c.draining.Store(true) // idle
		}
	}
}

// whyEnded names the cause of an error of reading.
func (c *serverConn) whyEnded(err error) error {
	switch {
	case errors.Is(err, io.EOF):
		return errClientLeft
	case isTimeout(err):
		return fmt.Errorf("transport: a frame took too long: %v, and %d bytes of it have come: %w",
			c.source.arrived.Sub(c.source.began).Round(time.Millisecond), c.source.came, err)
	}
	return err
}

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}
