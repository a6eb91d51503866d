package transport

import (
	"context"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/wire"
)

// take does what a frame asks for. An error ends the connection.
func (c *serverConn) take(id uint32, frame []byte) error {
	kind := RequestCall
	if c.service.kinds != nil {
		kind = c.service.kinds.ClassifyRequest(id, frame)
	}
	switch kind {
	case RequestCall:
		return c.accept(id, frame)
	case RequestCancel:
		c.cancelCall(id)
	case RequestPing:
		if p := c.service.ponger; p != nil {
			if err := c.sendNow(p.AppendPong(wire.Alloc(len(frame))[:0], id, frame)); err != nil {
				return err
			}
		}
	case RequestSettings:
		if err := c.settled(frame); err != nil {
			return err
		}
	}
	muxpool.Release(frame)
	return nil
}

// accept starts a call. While the connection has too many of them, or no worker is
// free, it waits.
func (c *serverConn) accept(id uint32, frame []byte) error {
	s := c.service
	call, err := s.parse(c.callCtx, c, id, frame, c.source.arrived)
	if ended := c.enter(); ended != nil {
		return ended
	}
	c.writer.InFlight.Add(1)
	if full := s.enterFlight(); err == nil {
		err = full
	}
	c.remember(call)
	switch {
	case err != nil:
		call.inline = true
		c.inCompany(func() { s.turnAway(call, err) })
	case call.server.inline:
		call.inline = true
		c.inCompany(func() { s.run(call) })
	case s.slots == nil:
		c.source.woke()
		c.enqueue(call)
	case s.dispatchNow(call):
		c.source.woke()
	default:
		c.source.flush()
		if !s.dispatch(call, c.ctx.Done()) {
			call.done()
			return context.Cause(c.ctx)
		}
	}
	return nil
}

// inCompany answers a call on the reading goroutine. If the next request has
// arrived, the writer is told of company, so that it keeps this answer for one
// write with the next ones.
func (c *serverConn) inCompany(answer func()) {
	if c.reader.Buffered() > 0 {
		c.writer.InFlight.Add(1)
		defer c.writer.InFlight.Add(-1)
	}
	answer()
}

// send implements caller.
func (c *serverConn) send(call *serverCall, frame []byte) error {
	if call.inline {
		return c.sendNow(frame)
	}
	_, retry, err := c.writer.TryWriteOwned(frame)
	if retry != nil {
		c.gate.backed.Add(1)
		defer c.gate.backed.Add(-1)
		_, err = c.writer.WriteOwned(c.ctx.Done(), frame)
	}
	return err
}

// sendNow is send for the reading goroutine, which has to write before it may wait
// for space.
func (c *serverConn) sendNow(frame []byte) error {
	_, retry, err := c.writer.TryWriteOwned(frame)
	if retry != nil {
		c.source.flush()
		_, err = c.writer.WriteOwned(c.ctx.Done(), frame)
	}
	return err
}

// finished implements caller.
func (c *serverConn) finished(call *serverCall) {
	c.forget(call)
	c.service.inFlight.Add(-1)
	c.writer.InFlight.Add(-1)
	c.leave()
}

// remember makes a call known to cancelCall. A client that uses an id twice at
// once cancels both.
func (c *serverConn) remember(call *serverCall) {
	if c.service.kinds == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.byID.put(call)
}

func (c *serverConn) forget(call *serverCall) {
	if c.service.kinds == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.byID.remove(call)
}

// cancelCall ends the contexts of the calls with an id; they are answered still,
// so that the client may use the id again.
func (c *serverConn) cancelCall(id uint32) {
	c.mu.Lock()
	contexts := c.byID.contexts(id)
	c.mu.Unlock()
	for _, ctx := range contexts {
		ctx.Cancel()
	}
}
