package endpoint

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/muxkit/muxkit/transport"
)

// deadlineContext is a context.WithDeadline that makes its channel and timer only
// for who asks for Done: a call that is refused, or answered without a wait,
// needs neither. Whoever makes one must call end.
type deadlineContext struct {
	context.Context           // the parent
	deadline        time.Time // before the parent's; zero if there is none beside the parent's

	inner atomic.Pointer[innerContext] // stored once, under mu

	// mu keeps the making of inner and end apart. Under it no other lock is
	// taken but those of package context.
	mu   sync.Mutex
	over bool // end was called
}

// innerContext is what a deadlineContext became when somebody asked for Done.
type innerContext struct {
	context.Context
	cancel context.CancelFunc
}

func (c *deadlineContext) Deadline() (time.Time, bool) {
	if c.deadline.IsZero() {
		return c.Context.Deadline()
	}
	return c.deadline, true
}

func (c *deadlineContext) Done() <-chan struct{} {
	if c.deadline.IsZero() {
		return c.Context.Done()
	}
	return c.timed().Done()
}

func (c *deadlineContext) timed() *innerContext {
	if in := c.inner.Load(); in != nil {
		return in
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	in := c.inner.Load()
	if in == nil {
		in = new(innerContext)
		in.Context, in.cancel = context.WithDeadline(c.Context, c.deadline)
		if c.over {
			in.cancel()
		}
		c.inner.Store(in)
	}
	return in
}

func (c *deadlineContext) Err() error {
	if in := c.inner.Load(); in != nil {
		return in.Err()
	}
	if err := c.Context.Err(); err != nil || c.deadline.IsZero() {
		return err
	}
	if time.Until(c.deadline) <= 0 {
		return context.DeadlineExceeded
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over {
		return context.Canceled
	}
	return nil
}

// Value asks inner if there is one, so that contexts derived from c find it and
// need no goroutine to follow it.
func (c *deadlineContext) Value(key any) any {
	if in := c.inner.Load(); in != nil {
		return in.Value(key)
	}
	return c.Context.Value(key)
}

// end frees what c holds; c is cancelled if it has not ended before.
func (c *deadlineContext) end() {
	if c.deadline.IsZero() {
		return
	}
	c.mu.Lock()
	c.over = true
	c.mu.Unlock()
	if in := c.inner.Load(); in != nil {
		in.cancel()
	}
}

// Untimed implements transport.Untimed: what the parent has beside deadlines, all
// of which are after this one.
func (c *deadlineContext) Untimed() context.Context {
	if u, ok := c.Context.(transport.Untimed); ok {
		return u.Untimed()
	}
	if c.deadline.IsZero() {
		return nil // the deadline is the parent's own
	}
	return c.Context
}

// earlier returns the time d from now, or the limit if that comes before, or the zero
// time if d is 0 or ctx ends before both. A limit that is not zero comes before ctx's
// deadline. Where ctx's decides, the clock is read in the way that is cheap.
func earlier(ctx context.Context, limit time.Time, d time.Duration) time.Time {
	if d == 0 {
		return limit
	}
	if end, ok := ctx.Deadline(); ok && time.Until(end) <= d {
		return limit
	}
	t := time.Now().Add(d)
	if !limit.IsZero() && limit.Before(t) {
		return limit
	}
	return t
}

// endsBefore reports whether ctx has a deadline at or before t.
func endsBefore(ctx context.Context, t time.Time) bool {
	d, ok := ctx.Deadline()
	return ok && !d.After(t)
}
