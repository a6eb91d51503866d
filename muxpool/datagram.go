package muxpool

import (
	"errors"
	"fmt"
	"net"
	"syscall"
	"time"

	"github.com/muxkit/muxkit/muxpool/wire"
)

// maxDatagram is the largest payload of a UDP datagram over IPv4: 65,535 bytes
// less the headers of IP and UDP (RFC 791, RFC 768).
const maxDatagram = 65535 - 20 - 8

// sendDatagram hands b to the kernel as one datagram.
func (c *conn) sendDatagram(cl *call, b []byte, owned bool) error {
	err := c.handDatagram(cl, b)
	if owned {
		wire.Free(b)
	}
	if errors.Is(err, syscall.EMSGSIZE) {
		return fmt.Errorf("%w: %d bytes do not fit into a datagram: %w", ErrFrameTooLarge, len(b), err)
	}
	return err
}

// The first and the longest pause before a datagram is tried again that the kernel did not take.
const (
	datagramPause     = time.Millisecond
	datagramPauseMost = 32 * time.Millisecond
)

// handDatagram waits until the kernel takes b, unless the pool drops what does not fit: a link may be
// slower than those who write. No event tells, so it is tried again.
func (c *conn) handDatagram(cl *call, b []byte) error {
	for pause := datagramPause; ; pause = min(2*pause, datagramPauseMost) {
		if !cl.handing() { // now: the answer may be faster than Write's return
			return cl.ended()
		}
		err := c.writeDatagram(b)
		if refused(err) {
			// The news of an earlier datagram, told by the peer's host, took the place
			// of this one.
			c.node.counters.refused.Add(1)
			err = c.writeDatagram(b)
		}
		cl.handed(err == nil)
		if err != wire.ErrQueueFull || c.node.opts.dropFull {
			return err
		}
		over := make(chan struct{})
		timer := time.AfterFunc(pause, func() { close(over) })
		err = cl.await(over)
		timer.Stop()
		if err != nil {
			return err
		}
	}
}

// writeDatagram writes b. A connection of the user's own may panic, and ends then.
func (c *conn) writeDatagram(b []byte) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = because(ErrConnLost, panicked("the connection", p))
			c.close(ReasonConnLost, err)
		}
	}()
	if err = c.packets.Write(b); err == nil {
		c.datagrams.writes.Add(1)
		c.datagrams.written.Add(uint64(len(b)))
	}
	return err
}

// handing notes that a datagram of the call's is about to be handed to the kernel, unless
// the call has ended. handed says what came of it.
func (cl *call) handing() bool {
	cl.mu.Lock()
	defer cl.mu.Unlock()
	if !cl.first.Set(0) {
		return false
	}
	cl.inHand++
	return true
}

// handed: only when no datagram was taken, and none is with the kernel any more, the
// call is as if it had not written.
func (cl *call) handed(taken bool) {
	cl.mu.Lock()
	defer cl.mu.Unlock()
	cl.inHand--
	if cl.taken = cl.taken || taken; !cl.taken && cl.inHand == 0 {
		cl.first.Unset()
	}
}

// readDatagrams is the goroutine that reads a datagram socket. A datagram that
// the parser refuses is counted and forgotten: it says nothing of the next.
func (c *conn) readDatagrams() {
	buf := make([]byte, maxDatagram+1)
	r := wire.NewDatagramReader(c.node.opts.maxFrameSize)
	a := &arrivals{conn: c}
	reason, why := ReasonProtocolError, errParserGone
	defer func() { // also if the parser, or the connection, ends the goroutine
		if p := recover(); p != nil {
			reason, why = ReasonConnLost, because(ErrConnLost, panicked("the connection", p))
		} else if why == errParserGone && c.inRead() {
			reason, why = ReasonConnLost, errReadGone
		}
		c.close(reason, why)
	}()
	for {
		c.awaits.Store(awaitsFrame)
		n, err := c.nc.Read(buf)
		c.awaits.Store(awaitsNothing)
		switch {
		case err == nil:
			c.reads.Add(1)
			c.datagrams.read.Add(uint64(n))
			r.Reset(buf[:n])
			a.receiveDatagram(r)
		case refused(err):
			c.node.counters.refused.Add(1)
		case errors.Is(err, syscall.EMSGSIZE): // of one that was sent: a router found it too large
		default:
			reason, why = c.datagramError(err)
			return
		}
	}
}

// refused reports whether err is what a host or router on the way said of an
// earlier datagram (ICMP). It says nothing of the next, and the socket is as good
// as before.
func refused(err error) bool {
	for _, news := range routersNews {
		if errors.Is(err, news) {
			return true
		}
	}
	return false
}

// routersNews is what kernels make of it. The last three are a host that the router does not know, what a
// firewall of IPv6 prohibits, and a datagram that is malformed.
var routersNews = [...]error{syscall.ECONNREFUSED, syscall.EHOSTUNREACH, syscall.ENETUNREACH, syscall.ENOPROTOOPT,
	syscall.EHOSTDOWN, syscall.EACCES, syscall.EPROTO}

func (c *conn) datagramError(err error) (Reason, error) {
	if errors.Is(err, net.ErrClosed) {
		return ReasonNone, because(ErrConnLost, spoken(err))
	}
	return ReasonConnLost, because(ErrConnLost, spoken(err))
}

func (a *arrivals) receiveDatagram(r *wire.DatagramReader) {
	c := a.conn
	defer func() {
		switch p := recover().(type) {
		case nil:
		case bug:
			c.close(ReasonBug, p.lost())
		default:
			c.node.counters.malformed.Add(1)
		}
	}()
	vid, frame, err := c.node.key.parser.Parse(r)
	if err != nil || len(frame) > c.node.opts.maxFrameSize {
		c.node.counters.malformed.Add(1)
		return
	}
	_ = a.receive(vid, wire.Own(frame, r)) // of settings, which are none here
	a.deliver()
}
