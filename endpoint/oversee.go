package endpoint

import (
	"time"

	"github.com/muxkit/muxkit/transport"
)

// rescue goes on with a call whose attempt, in the caller's goroutine, has used its share of
// the time: it begins the next one beside it, and both are a hedged call from then on. The
// caller waits for it.
type rescue struct {
	hedging
	first *flight     // the attempt that was overtaken
	over  chan ending // holds how the call ended
}

// ending is how a call ended.
type ending struct {
	response any
	err      error
	panicked *PanicError
}

// share is how long an attempt, the number-th, is left alone, when left is what is left of
// the call's time. 0: for as long as it takes, as it is the last one.
func (c *call) share(number int, left time.Duration) time.Duration {
	if number >= c.max || left <= 0 {
		return 0
	}
	share := left / time.Duration(c.max-number+1)
	if c.perTry > 0 && c.perTry <= share {
		return 0
	}
	return share
}

// left is how much time the call has, and when that is over; 0: that is not known, or none.
func (c *call) left() (left time.Duration, end time.Time) {
	if end = c.deadline; end.IsZero() {
		var ok bool
		if end, ok = c.ctx.Deadline(); !ok {
			return 0, end
		}
	}
	if c.fresh > 0 && c.isFresh() { // it saves a look at the clock
		return c.fresh, end
	}
	return time.Until(end), end
}

// isFresh reports whether the call has done nothing yet that takes time.
func (c *call) isFresh() bool { return len(c.tried) == 0 && c.waited == 0 }

// attempt makes an attempt in the caller's goroutine. It reports whether that ended the call,
// with what it returns.
func (c *call) attempt(t *attempt) (response any, err error, ended bool) {
	if t.to != nil && t.number < c.max && c.twice {
		left, end := c.left()
		if share := c.share(t.number, left); share > 0 {
			return c.oversee(t, left-share, end)
		}
	}
	response, err = t.run(c.ctx, c.request, earlier(c.ctx, c.deadline, c.perTry))
	return response, err, false
}

// oversee is attempt for one that may be overtaken, when no more is left of the call's time,
// which is over at end.
func (c *call) oversee(t *attempt, left time.Duration, end time.Time) (response any, err error, ended bool) {
	a := &attemptContext{attempt: Attempt{Number: t.number, Node: t.node()}}
	a.Init(c.ctx, earlier(c.ctx, c.deadline, c.perTry))
	a.WithCauses()
	s := c.watch()
	x := s.claim()
	x.attempt, x.request, x.call, x.limit, x.to = a, c.request, c.retryConfig, c.deadline, t.to
	if !c.isFresh() {
		past := *c
		x.past = &past
	}
	s.fly(x, int64(end.Sub(s.epoch)-left))
	returned := false
	defer func() {
		if !returned { // a panic, or runtime.Goexit: it goes on when nothing of the call runs any more
			if r := t.land(a, s, x); r != nil {
				r.landed(t, nil, errExited, newPanicError(errExited))
			}
		}
	}()
	response, err = t.with(a, c.request)
	returned = true
	r := t.land(a, s, x)
	if r == nil {
		return response, err, false
	}
	e := r.landed(t, response, err, nil)
	if e.panicked != nil {
		panic(e.panicked)
	}
	return e.response, e.err, true
}

// land ends the attempt, and returns who goes on with the call if it was overtaken.
func (t *attempt) land(a *attemptContext, s *shares, x *place) *rescue {
	a.Cancel()
	t.leave()
	return s.land(x)
}

// watch is where the method's attempts are watched.
func (r *retrying) watch() *shares {
	if s := r.shares.Load(); s != nil {
		return s
	}
	r.shares.CompareAndSwap(nil, &shares{of: r, epoch: time.Now()})
	return r.shares.Load()
}

// newRescue makes one of what is known of an attempt.
func newRescue(of *retrying, x *place) *rescue {
	a := x.attempt
	c := x.past
	if c == nil {
		c = &call{retrying: of, retryConfig: x.call, ctx: a.Parent(), request: x.request, twice: true, deadline: x.limit, number: a.attempt.Number}
	}
	r := &rescue{hedging: hedging{call: c, ended: make(chan *flight)}, over: make(chan ending, 1)}
	r.first = &flight{attempt: attempt{number: c.number, to: x.to}, cancel: a.CancelCause, err: errExited}
	r.flights = append(r.flights, r.first)
	r.tried = append(r.tried, visit{node: a.attempt.Node})
	return r
}

// run ends the call.
func (r *rescue) run() {
	e := ending{err: errExited}
	defer func() {
		if v := recover(); v != nil {
			var ok bool
			if e.panicked, ok = v.(*PanicError); !ok {
				e.panicked = newPanicError(v)
			}
		}
		r.over <- e
	}()
	// If the caller's caller is retrying, one attempt at a time is enough.
	r.alone = transport.CallerAttempt(r.ctx) > 1
	r.silence = time.NewTimer(0)
	defer r.silence.Stop()
	defer r.join()
	e.response, e.err = r.loop()
}

// landed is told how the attempt t ended, by its caller, and returns how the call did.
func (r *rescue) landed(t *attempt, response any, err error, panicked *PanicError) ending {
	f := r.first
	f.paid, f.response, f.err, f.panicked = t.paid, response, err, panicked
	r.ended <- f
	return <-r.over
}
