package muxpool

import "time"

// A connection that is silent while calls wait is asked for a sign of life, if its protocol
// can ask (see KeepAliver). The question has an id of its own, which is reserved while its
// answer is to come.

// ask is sendKeepAlive for a user's goroutine, which the plug-in might end.
func (c *conn) ask() {
	go c.timed(func() {
		defer c.contain()
		c.sendKeepAlive()
	})
}

// sendKeepAlive asks the peer for a sign of life. A frame that cannot be queued
// is not sent, and not waited for: then the writer has its own deadline.
func (c *conn) sendKeepAlive() {
	c.mu.Lock()
	h := &c.health
	if !h.holding {
		id, ok := c.ids.allocate()
		if !ok || c.state == connClosed {
			c.mu.Unlock()
			return
		}
		h.ping, h.holding = id, true
	}
	c.ids.reserved.set(h.ping, c.ids.reserved.awaited(h.ping)+1)
	id := h.ping
	h.pinging, h.pinged, h.queued = !c.ordered, time.Now(), false
	c.mu.Unlock()
	returned := false
	defer func() {
		if !returned { // the plug-in has ended the goroutine
			c.close(ReasonProtocolError, errParserGone)
		}
	}()
	frame, err := appendKeepAlive(c.node.key.parser.(KeepAliver), id)
	if returned = true; err != nil {
		c.close(ReasonProtocolError, err)
		return
	}
	offset, err := c.writer.TryMark(frame, false, nil, c.placeOf(id))
	c.mu.Lock()
	if err == nil {
		h.queued, h.offset = true, offset
		c.mu.Unlock()
		return
	}
	h.pong(c)
	c.mu.Unlock()
	c.node.placeFreed(c, false)
}

func appendKeepAlive(k KeepAliver, id uint32) (frame []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = because(ErrConnLost, ErrProtocol, panicked("AppendKeepAlive", p))
		}
	}()
	return k.AppendKeepAlive(nil, id), nil
}

// pong takes note of the answer to one keepalive frame, or that it was not sent. It returns
// false if none was to come.
func (h *health) pong(c *conn) (asked bool) {
	h.pinging = false
	if asked = h.holding; asked {
		starved := c.ids.starved
		c.ids.forgive(h.ping)
		c.ids.starved = starved // a ping's id was nobody's place
		h.holding = c.ids.reserved.awaited(h.ping) > 0
	}
	return asked
}
