package deadline

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// WithTimeout returns a context that ends d from now, or with parent, or when cancel
// is called, whichever comes first. It is context.WithTimeout at less cost; the package
// documentation tells the one difference. Without a cancel, nothing leaks if nobody has
// asked for Done, and a timer until it fires if somebody has.
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
// before anything else, and Cancel in the end. A type that embeds a Context may have a
// Value of its own, and must leave the other methods alone, which Of goes by. Apart
// from Init the methods may be called from any goroutine.
type Context struct {
	// Set by Init, constant since.
	parent   context.Context
	under    *Context  // the Context that parent is or embeds; nil: none
	deadline time.Time // zero: none
	own      bool      // deadline is c's, and before the parent's; else it is the parent's
	causes   bool      // CancelCause will be called: see WithCauses

	state  atomic.Uint32
	waiter atomic.Pointer[chan struct{}] // who is told of Cancel: see Watch

	// Written under mu, once: what c became when somebody asked for Done, which then
	// says when and how it ends. Else it is state that does.
	inner atomic.Pointer[inner]

	// mu: while it is held, only the parent's locks are taken.
	mu sync.Mutex
}

// The bits of state.
const (
	canceled = 1 << iota // how c ended, if it is one of the first two; set under mu, without inner only
	expired
	over // Cancel was called, and Err tells that c has ended
)

// inner is a context of package context's.
type inner struct {
	context.Context
	cancel context.CancelFunc
	cause  context.CancelCauseFunc // cancels before that, with a cause; nil: it cannot tell any
}

// Init makes c a Context that ends at t, unless that is zero, or with parent, which
// must not be nil.
func (c *Context) Init(parent context.Context, t time.Time) {
	c.parent, c.under = parent, Of(parent)
	if !t.IsZero() && t.Round(0) == t { // no monotonic reading: the wall clock may be set meanwhile
		now := time.Now()
		t = now.Add(t.Sub(now))
	}
	if d, ok := parent.Deadline(); t.IsZero() || ok && !t.Before(d) {
		c.deadline = d
		return
	}
	c.deadline, c.own = t, true
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
	if c.noticed() == nil {
		if due := c.Due(); due.IsZero() || time.Until(due) > 0 {
			return nil
		}
	}
	// Which end came first is decided under mu, so that every answer is the same.
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.expire()
}

// ended is the error of a c that has not become anything; its own deadline is left to who
// asks.
func (c *Context) ended() error {
	if err := c.stated(); err != nil {
		return err
	}
	return c.parent.Err()
}

// stated is the error that state tells.
func (c *Context) stated() error {
	switch state := c.state.Load(); {
	case state&canceled != 0:
		return context.Canceled
	case state&expired != 0:
		return context.DeadlineExceeded
	}
	return nil
}

// expire ends c at its deadline, unless it has ended already, and returns its error; mu
// is held.
func (c *Context) expire() error {
	if in := c.inner.Load(); in != nil {
		return in.Err()
	}
	if err := c.ended(); err != nil {
		return err
	}
	c.state.Or(expired)
	return c.ended()
}

// Value implements context.Context. Once c has become something else, that is asked,
// so that contexts derived from c find it and need no goroutine to follow it; and
// so that the cause of the end of c is never taken for the parent's.
func (c *Context) Value(key any) any {
	if c.inner.Load() != nil || c.state.Load()&(canceled|expired) != 0 {
		return c.become().Value(key)
	}
	return c.parent.Value(key)
}

// Cancel ends c with context.Canceled, if it has not ended before, and frees what it
// holds. A deadline that has passed, c's or that of a Context beneath it, counts only if
// somebody has noticed: by Done, by Err, or with a call that it ended. To look at the clock
// for the others would cost each call as much as all else in Cancel.
func (c *Context) Cancel() {
	c.mu.Lock()
	in := c.inner.Load()
	if in == nil && c.noticed() == nil {
		c.state.Or(canceled)
	}
	c.mu.Unlock()
	if in != nil {
		in.cancel()
	}
	c.state.Or(over)
	if wake := c.waiter.Load(); wake != nil {
		select {
		case *wake <- struct{}{}:
		default:
		}
	}
}

// Parent returns the context that Init was given.
func (c *Context) Parent() context.Context { return c.parent }

// WithCauses prepares c for CancelCause. It is called right after Init, and costs nothing but
// two allocations more if c has a deadline of its own and somebody asks for Done.
func (c *Context) WithCauses() { c.causes = true }

// CancelCause is Cancel of a Context with WithCauses, and has context.Cause tell the cause.
// Cancel must be called all the same.
func (c *Context) CancelCause(cause error) {
	if in := c.become(); in.cause != nil {
		in.cause(cause)
	}
	c.Cancel()
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
	switch state := c.state.Load(); {
	case state&canceled != 0:
		in.Context, in.cancel = context.WithCancel(context.WithoutCancel(c.parent))
		in.cancel()
	case state&expired != 0:
		in.Context, in.cancel = context.WithDeadline(context.WithoutCancel(c.parent), c.deadline)
	case c.causes:
		in.Context, in.cause = context.WithCancelCause(c.parent)
		in.cancel = func() { in.cause(nil) }
		if c.own {
			var stop context.CancelFunc
			in.Context, stop = context.WithDeadline(in.Context, c.deadline)
			in.cancel = func() { in.cause(nil); stop() }
		}
	case c.own:
		in.Context, in.cancel = context.WithDeadline(c.parent, c.deadline)
	default:
		in.Context, in.cancel = context.WithCancel(c.parent)
	}
	c.inner.Store(in)
	return in
}

// String is for logs and tests that print contexts: it reads nothing that changes.
func (c *Context) String() string {
	name := fmt.Sprintf("%T", c.parent)
	if s, ok := c.parent.(fmt.Stringer); ok {
		name = s.String()
	}
	if !c.own {
		return name + ".WithCancel"
	}
	return fmt.Sprintf("%s.WithDeadline(%v [%v])", name, c.deadline, time.Until(c.deadline))
}
