package endpoint

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/verdict"
	"github.com/muxkit/muxkit/transport"
)

// call is one logical call, owned by its caller's goroutine.
type call struct {
	*retrying
	*retryConfig                 // of when it began
	ctx          context.Context // the caller's
	request      any
	twice        bool          // it is declared idempotent
	deadline     time.Time     // that of the timeout; zero if there is none, or ctx's is earlier
	fresh        time.Duration // what was left of its time when it began; 0: not known

	number   int // attempts begun, without those that cost nothing
	free     int // attempts in a row that cost nothing
	waits    int // before further attempts
	lulls    int // waits before it goes back where it could not be sent
	waited   time.Duration
	since    time.Time // when its last attempt ended, and the waits since are over; zero: none has
	served   bool      // it has waited for the node of its last attempt, which was not sent
	failures []Failure // attempts that failed
	last     verdict.Verdict
	paid     bool // the last attempt was lost, and its node's credit pays for a further one
	noRetry  bool // a peer wants no further attempt
	tried    tried
}

// maxFree bounds how many attempts in a row cost nothing, for balancers that keep
// choosing nodes that cannot be reached.
const maxFree = 16

// run makes attempts until one succeeds or the call is given up.
func (c *call) run() (any, error) {
	for {
		t, err := c.begin()
		if err != nil {
			return nil, err
		}
		response, err, ended := c.attempt(&t)
		if err == nil || ended {
			return response, err
		}
		c.note(&t, err)
		c.giveBack()
		if err := c.again(); err != nil {
			return nil, err
		}
	}
}

// note takes note of a failed attempt.
func (c *call) note(t *attempt, err error) {
	node := t.node()
	if node == (muxpool.Node{}) {
		node = nodeOf(err)
	}
	c.last, c.paid = verdict.Of(err), t.paid
	if c.lulls > 0 && c.last.Ran == verdict.NotSent {
		c.forget(node)
	}
	c.failures = append(c.failures, Failure{Number: t.number, Node: node, Err: err})
	c.noRetry = c.noRetry || c.last.NoRetry
	c.tried = c.tried.after(node, err, c.last)
	if c.last.Ran == verdict.NotSent {
		c.free++
		c.number--
	} else {
		c.free = 0
		c.served = false
		c.since = time.Now()
	}
}

// giveBack gives a call whose last attempt was not sent the time back that it has spent with that:
// it has waited for a connection, as other calls do for a node. Where nobody knows when it
// began, because only that bounds it, its first attempt is free.
func (c *call) giveBack() {
	if c.last.Ran != verdict.NotSent || !c.patient || !c.nodes.tells() {
		return
	}
	now := time.Now()
	switch {
	case !c.since.IsZero():
		c.spend(now.Sub(c.since))
	case !c.deadline.IsZero():
		c.spend(now.Sub(c.deadline.Add(-c.timeout)))
	}
	c.since = now
}

// forget drops an attempt that was not sent to node: that it is so still, the next one tells.
// A call may wait, and go back, for as long as it lives.
func (c *call) forget(node muxpool.Node) {
	c.failures = slices.DeleteFunc(c.failures, func(f Failure) bool {
		return f.Node == node && verdict.Of(f.Err).Ran == verdict.NotSent
	})
	c.tried = slices.DeleteFunc(c.tried, func(v visit) bool { return v.node == node && v.lifts })
}

// again returns nil when it is time for another attempt, or says why there is none.
func (c *call) again() error {
	if c.last.Definitive() { // also if time is over: it is an answer
		return c.giveUp(GaveUpNotRetryable, nil)
	}
	if err := c.ended(); err != nil {
		return err
	}
	safe := c.last.SafeToRetry()
	switch {
	case c.noRetry:
		return c.giveUp(GaveUpNoRetry, nil)
	case c.free > maxFree && !(c.patient && c.nodes.tells()):
		return c.giveUp(GaveUpNoNode, nil)
	case c.free > 0:
		return nil
	case !safe && !c.repeatable():
		return c.giveUp(GaveUpNotRetryable, nil)
	case !safe && transport.CallerAttempt(c.ctx) > 1:
		return c.giveUp(GaveUpCaller, nil)
	case c.number >= c.max:
		return c.giveUp(GaveUpAttempts, nil)
	case safe:
		return nil
	}
	c.waits++
	wait := c.backoff.wait(c.waits)
	if c.nodes == nil { // it may choose the same node again
		if wait = max(wait, c.last.RetryAfter); wait > c.backoff.limit {
			return c.giveUp(GaveUpNoRetry, nil)
		}
	}
	if why := c.outlasted(wait); why != 0 {
		return c.giveUp(why, nil)
	}
	if !c.paid && !c.budget.withdraw() {
		return c.giveUp(GaveUpBudget, nil)
	}
	return c.pause(wait)
}

// canRepeat reports whether the call can be repeated elsewhere after its next attempt, as far
// as is known beforehand. nil is one of which nothing is known.
func (c *call) canRepeat() bool {
	return c != nil && c.number+1 < c.max && !c.noRetry && c.twice && transport.CallerAttempt(c.ctx) <= 1
}

// repeatable reports whether the last attempt, which may have run, may be repeated.
func (c *call) repeatable() bool {
	if c.retryIf != nil && !c.retryIf(c.failures[len(c.failures)-1].Err) {
		return false
	}
	return c.twice
}

// outlasted returns why the call does not live for d more, or 0.
func (c *call) outlasted(d time.Duration) GaveUp {
	switch next := time.Now().Add(d); {
	case endsBefore(c.ctx, next):
		return GaveUpContext
	case !c.deadline.IsZero() && !next.Before(c.deadline):
		return GaveUpTimeout
	}
	return 0
}

// pause waits for d, or returns why the call has ended.
func (c *call) pause(d time.Duration) error {
	if sleep(c.ctx, d) != nil {
		return c.ended()
	}
	return nil
}

// ended returns the call's error if its time is over.
func (c *call) ended() error {
	if err := c.ctx.Err(); err != nil {
		return c.giveUp(GaveUpContext, withCause(err, context.Cause(c.ctx)))
	}
	if !c.deadline.IsZero() && time.Until(c.deadline) <= 0 {
		return c.giveUp(GaveUpTimeout, context.DeadlineExceeded)
	}
	return nil
}

// withCause is a context's error with its cause.
func withCause(err, cause error) error {
	if cause == nil || cause == err {
		return err
	}
	return fmt.Errorf("%w: %w", err, cause)
}

// giveUp makes the call's error.
func (c *call) giveUp(why GaveUp, cause error) error {
	if c.max == 0 { // without retries, errors pass as they are
		if _, waited := cause.(*WaitError); !waited && len(c.failures) > 0 {
			return c.failures[len(c.failures)-1].Err
		}
		return named(c.method, cause)
	}
	return &RetryError{GaveUp: why, Attempts: c.failures, Cause: cause, method: c.method}
}
