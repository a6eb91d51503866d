package muxpool

import (
	"errors"
	"fmt"
	"strings"

	"github.com/muxkit/muxkit/internal/text"
	"github.com/muxkit/muxkit/muxpool/wire"
)

// send queues b for cl, waiting for space as the options say.
func (c *conn) send(cl *call, b []byte, owned bool) error {
	if err := c.sendable(cl, b); err != nil {
		if owned {
			wire.Free(b)
		}
		return err
	}
	cl.writes.Add(1)
	err := cl.failure() // who closed the call before this did not see the write
	switch {
	case err != nil && owned:
		wire.Free(b)
	case err != nil:
	case c.datagram:
		err = c.sendDatagram(cl, b, owned)
	default:
		err = c.sendStream(cl, b, owned)
	}
	if err != nil {
		c.unwrite(cl)
		return c.sendError(cl, err)
	}
	return nil
}

// sendable refuses what is not to be queued at all.
func (c *conn) sendable(cl *call, b []byte) error {
	if len(b) == 0 {
		return fmt.Errorf("%w: an empty frame", ErrInvalidOption)
	}
	if err := c.fits(len(b)); err != nil {
		return err
	}
	if err := ctxEnded(cl.ctx, cl.dctx); err != nil {
		return err
	}
	return cl.failure()
}

// sendStream queues b with the writer. A one-way call waits until it is sent.
func (c *conn) sendStream(cl *call, b []byte, owned bool) error {
	offset, err := c.enqueue(cl, b, owned)
	if err != nil {
		if owned {
			wire.Free(b)
		}
		return err
	}
	if cl.oneWay {
		return c.awaitSent(cl, offset)
	}
	return nil
}

// enqueue queues b, waiting for space unless the pool drops what does not fit.
func (c *conn) enqueue(cl *call, b []byte, owned bool) (uint64, error) {
	var turn *wire.Turn
	for {
		offset, err := c.writer.TryMark(b, owned, &cl.first, c.place(cl))
		if turn != nil {
			turn.Leave()
		}
		switch {
		case err == nil:
			return offset, nil
		case err == wire.ErrSealed:
			return 0, cl.ended()
		case err != wire.ErrQueueFull:
			return 0, writerError(err)
		case c.node.opts.dropFull:
			return 0, err
		}
		turn = c.writer.LineUp(len(b))
		if err := cl.await(turn.Ready()); err != nil {
			turn.Leave()
			return 0, err
		}
	}
}

// awaitSent waits until the kernel has the frame at offset.
func (c *conn) awaitSent(cl *call, offset uint64) error {
	for {
		sent, retry, err := c.writer.Sent(offset)
		switch {
		case sent:
			c.delivered()
			return nil
		case err != nil:
			return writerError(err)
		}
		if err := cl.await(retry); err != nil {
			return err
		}
	}
}

// writerError says what the end of the writer means for a call. It may have ended with its
// conn, whose error says it.
func writerError(err error) error {
	if errors.Is(err, ErrConnLost) || errors.Is(err, ErrPoolClosed) {
		return err
	}
	err = spoken(err)
	said, vectored := strings.CutPrefix(err.Error(), "writev: ") // in how many pieces is nobody's question
	switch {
	case vectored:
		err = text.Instead(err, "write: "+said)
	case !strings.HasPrefix(said, "write: "):
		err = fmt.Errorf("write: %w", err)
	}
	return because(ErrConnLost, err)
}

// sendLast queues a frame that nobody waits for, if it can be done at once, and reports
// whether it was.
func (c *conn) sendLast(frame []byte, place wire.Place) (queued bool) {
	if len(frame) == 0 || c.fits(len(frame)) != nil {
		return false
	}
	var err error
	if c.datagram {
		err = c.writeDatagram(frame)
	} else {
		_, err = c.writer.TryMark(frame, false, nil, place)
	}
	return err == nil
}

// sendLastRequest is sendLast for a frame that is answered, to an id of its own: that is
// reserved, as if it were a call's whose caller has left.
func (c *conn) sendLastRequest(frame func(id uint32) []byte) {
	id, ok := c.reserve()
	if !ok {
		return
	}
	queued := false
	defer func() {
		if !queued { // also if frame panics
			c.unreserve(id)
		}
	}()
	queued = c.sendLast(frame(id), c.placeOf(id))
}

// reserve takes a free id for one answer that nobody waits for, if the peer takes one
// more call.
func (c *conn) reserve() (id uint32, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state == connClosed || c.peerFull() {
		return 0, false
	}
	if id, ok = c.ids.allocate(); ok {
		c.ids.reserved.set(id, 1)
	}
	return id, ok
}

// unreserve takes that back, unless the answer has come.
func (c *conn) unreserve(id uint32) {
	c.mu.Lock()
	freed := c.ids.late(id, true)
	c.mu.Unlock()
	if freed {
		c.node.placeFreed(c, false)
	}
}

// sendError prefers the reason for which the connection ended to the symptom
// that the writer saw.
func (c *conn) sendError(cl *call, err error) error {
	own := errors.Is(err, ErrMuxConnClosed) // asks the error under no lock
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state == connClosed && !own && cl.ctx.Err() == nil {
		err = c.err
	}
	return &Error{Op: "write", Node: c.node.name, Err: err, unsent: !c.maybeSent(cl)}
}

// maybeSent reports whether the kernel may have, or get, a frame of cl; mu is held.
func (c *conn) maybeSent(cl *call) bool {
	first, queued := cl.first.Offset()
	switch {
	case !queued, c.unread:
		return false
	case c.state != connClosed || c.writer == nil:
		return true
	}
	return c.writer.MaybeSent(first)
}

// taken reports whether the kernel has taken a frame of cl.
func (c *conn) taken(cl *call) bool {
	first, queued := cl.first.Offset()
	return queued && (c.writer == nil || c.writer.Taken(first))
}
