package muxtest

import (
	"bufio"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Conn is a connection as its Peer sees it. On a datagram socket it is one
// source address. Its methods are safe for concurrent use.
type Conn struct {
	// Index counts the peer's connections, from 0.
	Index int

	peer     *Peer
	nc       net.Conn // nil for datagrams
	write    func([]byte) (int, error)
	reset    *atomic.Bool // in memory: tells the other end why it ends
	received atomic.Int64
	done     chan struct{} // closed when the connection has ended, at either end
	end      sync.Once
	kept     *Frame // by Reorder; owned by the goroutine that reads

	// turn holds a token while nobody writes. It is no mutex, so that a write
	// that blocks does not stop the clock of a bubble.
	turn chan struct{}
}

func newConn(p *Peer, nc net.Conn, write func([]byte) (int, error)) *Conn {
	c := &Conn{peer: p, nc: nc, write: write, done: make(chan struct{}), turn: make(chan struct{}, 1)}
	c.turn <- struct{}{}
	return c
}

// Received returns how many frames arrived on this connection.
func (c *Conn) Received() int { return int(c.received.Load()) }

// Done is closed when the connection has ended.
func (c *Conn) Done() <-chan struct{} { return c.done }

func (c *Conn) ended() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

// Write sends b as it is, after what others are writing.
func (c *Conn) Write(b []byte) (int, error) {
	select {
	case <-c.turn:
	case <-c.done:
		return 0, net.ErrClosed
	}
	defer func() { c.turn <- struct{}{} }()
	return c.write(b)
}

// writeLast is Write for what nothing may follow: another frame behind a part of one
// would be taken for the rest of it.
func (c *Conn) writeLast(b []byte) {
	select {
	case <-c.turn: // and nobody gets it again
		c.write(b)
	case <-c.done:
	}
}

// Send sends a frame.
func (c *Conn) Send(f Frame) error {
	_, err := c.Write(AppendFrame(nil, f))
	return err
}

// Reply sends the ordinary answer to f: an Answer with its id, nonce and body to
// a Call, a Pong to a Ping, a Hello to a Hello, nothing to others.
func (c *Conn) Reply(f Frame) error {
	if f, ok := reply(f); ok {
		return c.Send(f)
	}
	return nil
}

// reply returns the ordinary answer to f.
func reply(f Frame) (Frame, bool) {
	switch f.Kind {
	case Call:
		f.Kind = Answer
	case Ping:
		f.Kind = Pong
	case Hello:
	default:
		return f, false
	}
	return f, true
}

// Close ends the connection in good order.
func (c *Conn) Close() error {
	c.end.Do(func() {
		if c.nc != nil {
			c.nc.Close()
		}
		c.peer.forget(c)
		close(c.done)
	})
	return nil
}

// Reset ends the connection so that the other end sees a reset: SO_LINGER 0 on
// TCP, ECONNRESET in memory. Elsewhere it is a Close.
func (c *Conn) Reset() {
	if c.reset != nil {
		c.reset.Store(true)
	}
	nc := c.nc
	if t, ok := nc.(interface{ NetConn() net.Conn }); ok {
		nc = t.NetConn() // beneath TLS, which would say goodbye
	}
	if t, ok := nc.(*net.TCPConn); ok {
		t.SetLinger(0)
		t.Close()
	}
	c.Close()
}

// serve hands every frame that arrives to the peer's Action.
func (c *Conn) serve() {
	defer c.Close()
	r := bufio.NewReaderSize(c.nc, 32<<10)
	for {
		f, err := ReadFrame(r)
		if err != nil {
			if errors.Is(err, ErrMalformed) {
				c.peer.malformed.Add(1)
			} else if errors.Is(err, io.ErrUnexpectedEOF) {
				c.peer.truncated.Add(1)
			}
			return
		}
		c.handle(f)
	}
}

func (c *Conn) handle(f Frame) {
	act := c.peer.action() // before it is counted: who has seen the count may change it
	c.received.Add(1)
	c.peer.frames.Add(1)
	if f.Kind == Call {
		c.peer.calls.Add(1)
	}
	act(c, f)
}

// after runs f later, unless the connection ends before.
func (c *Conn) after(d time.Duration, f func()) {
	c.peer.goes(func() {
		t := time.NewTimer(d)
		defer t.Stop()
		select {
		case <-t.C:
			f()
		case <-c.done:
		}
	})
}
