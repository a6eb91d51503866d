package transport

import (
	"fmt"
	"time"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/wire"
)

// handle does what a frame asks for. An error ends the connection.
func (c *serverConn) handle(id uint32, frame []byte) error {
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
			if err := c.pong(p, id, frame); err != nil {
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

// marks are how many of the writer's calls the reading goroutine may be: a pong, and company.
const marks = 2

// pong answers a ping. It counts as a call meanwhile: the pongs of many pings go out in
// one write.
func (c *serverConn) pong(p Ponger, id uint32, ping []byte) (err error) {
	c.writer.InFlight.Add(1)
	defer c.unmark()
	c.inCompany(func() { err = c.sendNow(p.AppendPong(wire.Alloc(len(ping))[:0], id, ping)) })
	return err
}

// accept starts a call, or answers it at once if there is no room for it.
func (c *serverConn) accept(id uint32, frame []byte) error {
	s := c.service
	taken := c.reader.Taken()
	most := c.account.mostCalls()
	batched := s.requests(frame, most)
	if len(batched) > 0 && len(batched) <= most {
		s.acceptBatch(c.callCtx, c, &c.account, frame, taken, batched, c.source.arrived, c.start)
		return nil
	}
	call, err := s.parse(c.callCtx, c, id, frame, c.source.arrived)
	if !c.remember(call) {
		call.drop()
		c.account.Release(taken)
		return errDuplicate(id)
	}
	if refused := call.enter(&c.account, frame, taken); refused != admitted && err == nil {
		err = s.limits.refuse(refused)
	}
	if len(batched) > 0 {
		err = errBatch(most)
	}
	c.start(call, err)
	return nil
}

// start runs a call that was counted in, or answers it with err.
func (c *serverConn) start(call *serverCall, err error) {
	s := c.service
	if c.source.look = false; c.overstays() && err == nil {
		err = s.limits.refuse(goingAway)
	}
	c.began()
	switch {
	case err != nil:
	case call.server.inline:
		call.inline = true
		c.inCompany(func() { s.run(call) })
	case call.server.apart:
		c.source.woke()
		s.start(single{call})
	case s.limits.Workers == 0:
		c.source.woke()
		c.enqueue(call)
	default:
		if err = s.dispatch(&c.account, call); err == nil {
			c.source.woke()
		}
	}
	if err != nil {
		c.turnAway(call, err)
	}
}

// turnAway answers a call that is not run, on the reading goroutine.
func (c *serverConn) turnAway(call *serverCall, err error) {
	call.inline = true
	c.inCompany(func() { c.service.turnAway(call, err) })
}

// inCompany answers a call on the reading goroutine. If the next request has
// arrived, the writer is told of company, so that it keeps this answer for one
// write with the next ones.
func (c *serverConn) inCompany(answer func()) {
	if c.reader.Buffered() > 0 {
		c.writer.InFlight.Add(1)
		defer c.unmark()
	}
	c.answering = true
	answer()
	c.answering = false // unless it has ended the goroutine
}

// send implements caller. The id is free, and so is the call's place among those in
// flight, before the client can have the answer.
func (c *serverConn) send(call *serverCall, frame []byte) error {
	c.forget(call)
	call.answered()
	if call.inline {
		return c.sendNow(frame)
	}
	_, err := c.writer.TryWriteOwned(frame)
	if err == wire.ErrQueueFull {
		n := int64(cap(frame))
		c.account.count(n)
		defer c.account.count(-n)
		c.throttle.wanted.Store(int64(len(frame)))
		c.throttle.backed.Add(1)
		defer c.throttle.backed.Add(-1)
		_, err = c.writer.WriteOwned(c.ctx.Done(), frame)
	}
	return err
}

// unanswerable implements caller: the client would wait for as long as the connection
// lasts.
func (c *serverConn) unanswerable(err error) {
	c.stop(fmt.Errorf("transport: a call that cannot be answered: %w", err))
}

// sendNow is send for the reading goroutine, which has to write before it may wait
// for space.
func (c *serverConn) sendNow(frame []byte) error {
	_, err := c.writer.TryWriteOwned(frame)
	if err == wire.ErrQueueFull {
		c.source.flush()
		_, err = c.writer.WriteOwned(c.ctx.Done(), frame)
	}
	return err
}

// finished implements caller.
func (c *serverConn) finished(call *serverCall) {
	c.forget(call)
	call.answered()
	c.oneLess()
	if c.account.leave(call.held) {
		c.gone()
	}
}

// oneLess counts a call out of the writer's. When that may have been the last is noted before,
// so that whoever sees none in flight sees when the last one ended.
func (c *serverConn) oneLess() {
	calls := &c.writer.InFlight
	n := calls.Load()
	for ; ; n = calls.Load() {
		if n <= 1+marks {
			c.quiet.Store(int64(time.Since(c.born)))
		}
		if calls.CompareAndSwap(n, n-1) {
			break
		}
	}
	if n == 1 {
		c.atRest()
	}
}

// unmark counts a mark out. That is the end of no call.
func (c *serverConn) unmark() {
	if c.writer.InFlight.Add(-1) == 0 {
		c.atRest()
	}
}

// atRest tells who waits for it, after the client has left, that no call is in flight.
func (c *serverConn) atRest() {
	if c.left.Load() {
		select {
		case c.rest <- struct{}{}:
		default:
		}
	}
}

// listening reports whether the client may still read answers although the contexts of
// its calls have ended.
func (c *serverConn) listening() bool { return c.left.Load() && c.ctx.Err() == nil }

// remember makes a call known to cancelCall. It reports false if another call with its
// id is in flight. An id is in use until its call is answered, so that of a one-way call is not.
func (c *serverConn) remember(call *serverCall) bool {
	s := c.service
	if s.kinds == nil || call.id < s.space.Min || call.id > s.space.Max {
		return true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byID.get(call.id) != nil {
		return false
	}
	if s := call.server; s != nil && !s.inline && !call.req.OneWay { // else nothing is read before it is answered
		call.listed = true
		c.byID.put(call)
	}
	return true
}

func (c *serverConn) forget(call *serverCall) {
	if !call.listed {
		return
	}
	call.listed = false
	c.mu.Lock()
	defer c.mu.Unlock()
	c.byID.remove(call.id)
}

// cancelCall ends the context of the call with an id. It is answered still, so that the
// client may use the id again: at once if it waits for a worker.
func (c *serverConn) cancelCall(id uint32) {
	var ctx *requestContext
	waited := false
	c.mu.Lock()
	call := c.byID.get(id)
	if call != nil {
		ctx = call.requestContext // which, unlike the call, is not used again
		waited = c.service.door.line.quit(&c.account.waiting, call)
	}
	c.mu.Unlock()
	if ctx != nil {
		ctx.Cancel()
	}
	if waited { // nobody else has it now
		call.inline = true
		c.inCompany(func() { c.service.run(call) })
	}
}
