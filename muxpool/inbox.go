package muxpool

import (
	"fmt"
	"time"
)

// delivery is what became of a frame.
type delivery uint8

const (
	delivered  delivery = iota // kept: its Read is to be told
	crowded                    // not kept yet: there is no room, which its reader is about to make
	overflowed                 // not kept: the call has ended, or too much is unread
	surplus                    // not kept: it answers nothing that was asked
)

// deliver puts a frame into the inbox. In a classified protocol an answer must
// have been asked for. If it is crowded, which only who may wait hears, the conn's madeRoom
// hears of room, and the caller waits for that for left at most, and tries again.
//
// It does not signal: that needs no lock, and a signal that comes late, even in the
// call's next life, only makes a Read look twice.
func (c *call) deliver(frame []byte, last, classified, mayWait bool) (_ delivery, left time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if classified && c.awaited() <= 0 {
		return surplus, 0
	}
	full := c.err == nil && c.unread > 0 && c.unread+cost(frame) > c.limit
	if full && mayWait {
		if left = c.left(); left > 0 {
			c.crowded = true // from now on, which is since
			return crowded, left
		}
	}
	if last {
		c.answers++
	}
	switch {
	case c.err != nil:
		return overflowed, 0
	case full:
		c.finish(endOverflow, c.tooSlow(len(frame)))
		return overflowed, 0
	case c.head == nil:
		c.head = frame
	default:
		c.more = append(c.more, frame)
	}
	c.unread += cost(frame)
	return delivered, 0
}

// tooSlow is the error of a call whose inbox has no room for a frame of n bytes.
func (c *call) tooSlow(n int) error {
	return fmt.Errorf("%w: a frame of %d bytes behind %d that are unread, of %d that may be; too little was read within %v",
		ErrRecvQueueFull, n, c.unread, c.limit, c.conn.node.opts.recvWait)
}

// failTooLarge ends the call with the error of a frame that was not kept.
func (c *call) failTooLarge(err error, last, classified bool) delivery {
	c.mu.Lock()
	defer c.mu.Unlock()
	if classified && c.awaited() <= 0 {
		return surplus
	}
	if last {
		c.answers++
	}
	c.finish(endTooLarge, err)
	return delivered
}

// cost is what an unread frame counts for under the limit: short ones take memory
// too, and a peer may send any number of them.
func cost(frame []byte) int { return max(len(frame), 64) }

// signal wakes Read. It reports whether there was no signal before.
func (c *call) signal() bool {
	select {
	case c.wake <- struct{}{}:
		return true
	default:
		return false
	}
}

// take returns the next frame, or the error that ended the call, or neither. Who
// has got the signal, or found the context done, calls it.
func (c *call) take() ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.head == nil || c.gone {
		if c.err == nil {
			return nil, nil
		}
		c.signal()
		return nil, &Error{Op: "read", Node: c.conn.node.name, Err: c.err, unsent: !c.sent}
	}
	frame := c.head
	c.unread -= cost(frame)
	if c.spent > 0 || c.crowded {
		c.regain(cost(frame))
	}
	if c.unread <= c.limit/2 {
		c.madeRoom()
	}
	c.head = nil
	if len(c.more) > 0 {
		c.head = c.more[0]
		c.more[0] = nil
		c.more = c.more[1:]
	}
	if c.head != nil || c.err != nil {
		c.signal()
	}
	return frame, nil
}
