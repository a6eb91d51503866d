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
	}
	muxpool.Release(frame)
	return nil
}

// accept starts a call. While the connection has too many of them, or no worker is
// free, it waits: that is when reading stops.
func (c *serverConn) accept(id uint32, frame []byte) error {
	select {
	case c.slots <- struct{}{}:
	default:
		c.source.flush()
		select {
		case c.slots <- struct{}{}:
		case <-c.ctx.Done():
			return context.Cause(c.ctx)
		}
	}
	call, err := c.service.parse(c.callCtx, c, id, frame)
	c.members.Add(1)
	c.writer.InFlight.Add(1)
	if full := c.service.enterFlight(); err == nil {
		err = full
	}
	c.remember(call)
	switch {
	case err != nil:
		call.inline = true
		c.inCompany(func() { c.service.turnAway(call, err) })
	case call.server.inline:
		call.inline = true
		c.inCompany(func() { c.service.run(call) })
	case c.service.dispatchNow(call):
		c.source.woke()
	default:
		c.source.flush()
		if !c.service.dispatch(call, c.ctx.Done()) {
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
	_, err := c.writer.WriteOwned(c.ctx.Done(), frame)
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

// maxAnswer implements caller.
func (c *serverConn) maxAnswer() int { return c.service.maxFrame }

// finished implements caller.
func (c *serverConn) finished(call *serverCall) {
	c.dropCall(call)
	c.service.inFlight.Add(-1)
	<-c.slots
	c.writer.InFlight.Add(-1)
	c.leave()
}

// remember makes a call known to cancelCall. A client that uses an id twice at
// once cancels both.
func (c *serverConn) remember(call *serverCall) {
	if c.byID == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	call.next = c.byID[call.id]
	c.byID[call.id] = call
}

func (c *serverConn) dropCall(call *serverCall) {
	if c.byID == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	first := c.byID[call.id]
	if first == call {
		if call.next == nil {
			delete(c.byID, call.id)
		} else {
			c.byID[call.id] = call.next
		}
		return
	}
	for ; first != nil; first = first.next {
		if first.next == call {
			first.next = call.next
			return
		}
	}
}

// cancelCall ends the contexts of the calls with an id; they are answered still,
// so that the client may use the id again.
func (c *serverConn) cancelCall(id uint32) {
	c.mu.Lock()
	var calls []*serverCall
	for call := c.byID[id]; call != nil; call = call.next {
		calls = append(calls, call)
	}
	c.mu.Unlock()
	for _, call := range calls {
		call.end()
	}
}
