package deadline

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// WithTimeout returns a context that ends d from now, or with parent, or when cancel
// is called, whichever comes first. It is context.WithTimeout, at less cost. Not to
// call cancel leaks nothing if nobody has asked for Done, and what
// context.WithTimeout leaks if somebody has: a timer, until it fires.
func WithTimeout(parent context.Context, d time.Duration) (ctx context.Context, cancel context.CancelFunc) {
	c := after(parent, d)
	return c, c.Cancel
}

// WithDeadline is WithTimeout with the time when the context ends. A zero t sets no
// end beside the parent's.
func WithDeadline(parent context.Context, t time.Time) (ctx context.Context, cancel context.CancelFunc) {
	c := at(parent, t)
	return c, c.Cancel
}

// after and at are not inlined, so that WithTimeout and WithDeadline are: then cancel
// stays on the stack of a caller who only defers it.
//
//go:noinline
func after(parent context.Context, d time.Duration) *Context {
	c := new(Context)
	if c.Init(parent, time.Now().Add(d)); d <= 0 {
		_ = c.Err() // notices it
	}
	return c
}

//go:noinline
func at(parent context.Context, t time.Time) *Context {
	c := new(Context)
	c.Init(parent, t)
	_ = c.Err() // notices a t that has passed
	return c
}

// Context is the context that WithTimeout and WithDeadline return. It is a type for
// those who embed it, to have it and what they add in one allocation: they call Init
// before anything else, and Cancel in the end. Apart from Init its methods may be
// called from any goroutine.
type Context struct {
	// Set by Init, constant since.
	parent   context.Context
	under    *Context  // the Context that parent is or embeds; nil: none
	deadline time.Time // the parent's too; zero: none

	waiter atomic.Pointer[chan struct{}] // who is told of Cancel: see Watch
	over   atomic.Bool                   // Cancel was called

	// Written under mu, once, either of them: how the Context ended, or what it
	// became when somebody asked for Done, which then says when and how it ends.
	end   atomic.Uint32
	inner atomic.Pointer[inner]

	// mu: while it is held, only the parent's locks are taken.
	mu sync.Mutex
}

// How a Context ended; its parent's end is asked of the parent.
const (
	lives = iota
	cancelled
	expired
)

// inner is a context of package context's.
type inner struct {
	context.Context
	cancel context.CancelFunc
}

// Init makes c a Context that ends at t, unless that is zero, or with parent, which
// must not be nil.
func (c *Context) Init(parent context.Context, t time.Time) {
	c.parent, c.under, c.deadline = parent, Of(parent), t
	if d, ok := parent.Deadline(); ok && (t.IsZero() || d.Before(t)) {
		c.deadline = d
	}
}

// Of returns the Context that ctx is or embeds, or nil.
func Of(ctx context.Context) *Context {
	switch c := ctx.(type) {
	case *Context:
		return c
	case interface{ self() *Context }:
		return c.self()
	}
	return nil
}

// self is promoted to types that embed a Context.
func (c *Context) self() *Context { return c }

// Deadline implements context.Context.
func (c *Context) Deadline() (time.Time, bool) { return c.deadline, !c.deadline.IsZero() }

// Done implements context.Context.
func (c *Context) Done() <-chan struct{} { return c.become().Done() }

// Err implements context.Context.
func (c *Context) Err() error {
	if in := c.inner.Load(); in != nil {
		return in.Err()
	}
	if err := c.ended(); err != nil || c.deadline.IsZero() || time.Until(c.deadline) > 0 {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.settle(expired)
}

// ended is what Err knows without the clock.
func (c *Context) ended() error {
	switch c.end.Load() {
	case cancelled:
		return context.Canceled
	case expired:
		return context.DeadlineExceeded
	}
	return c.parent.Err()
}

// settle ends c as end says, unless it has ended otherwise, and returns its error;
// mu is held.
func (c *Context) settle(end uint32) error {
	if in := c.inner.Load(); in != nil {
		return in.Err()
	}
	if c.ended() == nil {
		c.end.Store(end)
	}
	return c.ended()
}

// Value implements context.Context. Once c has become something else, that is asked,
// so that contexts derived from c find it and need no goroutine to follow it; and
// so that the cause of the end of c is never taken for the parent's.
func (c *Context) Value(key any) any {
	if c.inner.Load() != nil || c.end.Load() != lives {
		return c.become().Value(key)
	}
	return c.parent.Value(key)
}

// Cancel ends c with context.Canceled, if it has not ended before, and frees what it
// holds. A deadline that has passed counts only if somebody has noticed: by Done, by
// Err, or with a call that it ended. To look at the clock for the others would cost
// each call as much as all else in Cancel.
func (c *Context) Cancel() {
	c.mu.Lock()
	_ = c.settle(cancelled)
	in := c.inner.Load()
	c.mu.Unlock()
	if in != nil {
		in.cancel()
	}
	c.over.Store(true) // Err tells it by now
	if wake := c.waiter.Load(); wake != nil {
		select {
		case *wake <- struct{}{}:
		default:
		}
	}
}

// become returns the context that c became, or now becomes.
func (c *Context) become() *inner {
	if in := c.inner.Load(); in != nil {
		return in
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if in := c.inner.Load(); in != nil {
		return in
	}
	in := new(inner)
	switch c.end.Load() {
	case cancelled:
		in.Context, in.cancel = context.WithCancel(context.WithoutCancel(c.parent))
		in.cancel()
	case expired:
		in.Context, in.cancel = context.WithDeadline(context.WithoutCancel(c.parent), c.deadline)
	default:
		if c.deadline.IsZero() {
			in.Context, in.cancel = context.WithCancel(c.parent)
		} else {
			in.Context, in.cancel = context.WithDeadline(c.parent, c.deadline)
		}
	}
	c.inner.Store(in)
	return in
}
