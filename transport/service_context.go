package transport

import (
	"context"
	"sync"
	"time"
)

// requestContext is the context of a call on a server. It ends when the client
// leaves or cancels the call, when the time that the request states is over, and
// when the call is done. It is part of the call's one allocation: the timer and the
// channels are made only for those who wait for them, by an ordinary context.
type requestContext struct {
	conn     context.Context // of the connection
	method   string
	size     int // of the request's frame
	answer   int // size of the answer's frame; set before the finalizers run
	deadline time.Time

	// mu guards the rest. Under it contexts are made, but never ended: ending one
	// runs through those that were derived from it.
	mu    sync.Mutex
	inner context.Context // nil until someone asks for Done
	stop  context.CancelFunc
	err   error // how it ended before inner was made
}

func (c *requestContext) Deadline() (time.Time, bool) {
	return c.deadline, !c.deadline.IsZero()
}

func (c *requestContext) Done() <-chan struct{} {
	c.mu.Lock()
	if c.inner == nil {
		if c.deadline.IsZero() {
			c.inner, c.stop = context.WithCancel(c.conn)
		} else {
			c.inner, c.stop = context.WithDeadline(c.conn, c.deadline)
		}
	}
	inner, stop, ended := c.inner, c.stop, c.err != nil
	c.mu.Unlock()
	if ended {
		stop()
	}
	return inner.Done()
}

func (c *requestContext) Err() error {
	if err := c.ended(); err != nil || c.deadline.IsZero() || time.Now().Before(c.deadline) {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil && c.inner == nil {
		c.err = context.DeadlineExceeded
	}
	if c.err != nil {
		return c.err
	}
	return c.inner.Err()
}

// ended is Err without a look at the clock.
func (c *requestContext) ended() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.err != nil:
		return c.err
	case c.inner != nil:
		return c.inner.Err()
	}
	c.err = c.conn.Err()
	return c.err
}

// end cancels the context, if it has not ended.
func (c *requestContext) end() {
	c.mu.Lock()
	stop := c.stop
	if stop == nil && c.err == nil {
		c.err = context.Canceled
	}
	c.mu.Unlock()
	if stop != nil {
		stop()
	}
}

func (c *requestContext) Value(key any) any {
	switch key {
	case ContextKeyMethod:
		return c.method
	case ContextKeyRequestBytes:
		return c.size
	}
	c.mu.Lock()
	parent := c.inner // so that package context finds its own beneath this one
	answer := c.answer
	c.mu.Unlock()
	if key == ContextKeyResponseBytes && answer > 0 {
		return answer
	}
	if parent == nil {
		parent = c.conn
	}
	return parent.Value(key)
}

// answered sets the size of the answer's frame.
func (c *requestContext) answered(size int) {
	c.mu.Lock()
	c.answer = size
	c.mu.Unlock()
}
