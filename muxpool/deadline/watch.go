package deadline

import (
	"context"
	"time"
)

// Watch is for who waits on a channel of its own anyway, and would make c's only to
// learn of its end: a signal comes to *wake, which has room for one, when Cancel ends
// c or a Context beneath it. Whether it is that, Canceled says. The deadline (see
// Due) and the end of Base are not told.
//
// Only one at a time may watch a Context, also from above: of several calls at once
// whose Contexts were derived from one, one can watch it, and the others have Done.
// Watch reports whether it is the caller, who then must call Unwatch, after which a
// late signal may still come.
func (c *Context) Watch(wake *chan struct{}) bool {
	for p := c; p != nil; p = p.under {
		if !p.waiter.CompareAndSwap(nil, wake) {
			c.unwatch(p)
			return false
		}
	}
	return true
}

// Unwatch ends a Watch that returned true.
func (c *Context) Unwatch() { c.unwatch(nil) }

// unwatch ends the watch on c and what is beneath it, down to the Context above end.
func (c *Context) unwatch(end *Context) {
	for p := c; p != end; p = p.under {
		p.waiter.Store(nil)
	}
}

// Canceled reports whether Cancel was called for c or a Context beneath it. Then Err
// says that it has ended, by that or before.
func (c *Context) Canceled() bool {
	for p := c; p != nil; p = p.under {
		if p.state.Load()&over != 0 {
			return true
		}
	}
	return false
}

// Due returns when c ends by a deadline that it, or a Context beneath it, was made
// with, or the zero time, if it has none or Base's comes before.
func (c *Context) Due() time.Time {
	for p := c; p != nil; p = p.under {
		if p.own {
			return p.deadline
		}
	}
	return time.Time{}
}

// Base is the context beneath c and all Contexts that it was derived from directly:
// c ends with it, when it is Due, or when it is Canceled.
func (c *Context) Base() context.Context {
	p := c
	for p.under != nil {
		p = p.under
	}
	return p.parent
}

// Noticed is what ctx.Err says, as far as somebody has noticed: of a Context it does not
// look at the clock. It is for who has looked, and compares with the deadline.
func Noticed(ctx context.Context) error {
	if c := Of(ctx); c != nil {
		return c.noticed()
	}
	return ctx.Err()
}

func (c *Context) noticed() error {
	for p := c; ; p = p.under {
		if in := p.inner.Load(); in != nil {
			return in.Err()
		}
		if err := p.stated(); err != nil {
			return err
		}
		if p.under == nil {
			return p.parent.Err()
		}
	}
}
