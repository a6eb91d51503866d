package endpoint

import (
	"context"
	"math/rand/v2"
	"time"
)

// find chooses a node, and waits for one if the call is to. The call must leave the node.
func (c *call) find() (*NodeEndpoint, error) {
	waits := c.patient && c.nodes.tells()
	var why error
	if !waits || c.served || !c.nodes.line.busy() {
		e, err := c.nodes.enter(c.tried, c.key, c)
		if err == nil {
			return e, nil
		}
		why = err
	}
	if !waits {
		return c.linger(why)
	}
	w := &wait{call: *c, line: &c.nodes.line, since: time.Now(), why: why}
	e, err := w.run()
	*c = w.call
	c.spend(time.Since(w.since))
	return e, err
}

// linger is what a call does that does not wait for nodes: if all that take calls want to be
// asked later, it waits for the first, but for no longer than a backoff may be.
func (c *call) linger(why error) (*NodeEndpoint, error) {
	for {
		if why != errTried {
			return nil, c.giveUp(GaveUpNoNode, why)
		}
		first := c.tried.opens()
		if first.IsZero() {
			return nil, c.giveUp(GaveUpNoNode, nil)
		}
		d := max(time.Until(first), 0)
		if d > c.backoff.limit {
			return nil, c.giveUp(GaveUpNoRetry, nil)
		}
		if gaveUp := c.outlasted(d); gaveUp != 0 {
			return nil, c.giveUp(gaveUp, nil)
		}
		if err := c.pause(d); err != nil {
			return nil, err
		}
		e, err := c.nodes.enter(c.tried, c.key, c)
		if err == nil {
			return e, nil
		}
		why = err
	}
}

// spend notes that the call has waited for d: WithRetry's timeout is of the attempts alone.
func (c *call) spend(d time.Duration) {
	c.waited += d
	if !c.since.IsZero() {
		c.since = c.since.Add(d)
	}
	if c.deadline.IsZero() {
		return
	}
	if c.deadline = c.deadline.Add(d); endsBefore(c.ctx, c.deadline) {
		c.deadline = time.Time{}
	}
}

// wait is a call's waiting for a node. It has a copy of the call, so that those that do not
// wait stay off the heap.
type wait struct {
	call
	line  *waitLine
	place *waiter
	since time.Time
	end   time.Time // zero: when ctx ends
	again time.Time // the call may go back to nodes where it has been; zero: it has no such reason to wait
	why   error     // what the last look has found; nil: none was made
}

// run waits. What it returns as an error is the call's.
func (w *wait) run() (*NodeEndpoint, error) {
	w.end = w.until()
	if err := w.heed(); err != nil {
		return nil, err
	}
	if !w.end.IsZero() && !w.end.After(w.since) {
		return nil, w.inVain(nil)
	}
	var look bool
	if w.place, look = w.line.join(w.maxWaiting, w.served); w.place == nil {
		return w.crowdedOut()
	}
	found := false
	defer func() { w.line.leave(w.place, found) }()
	timer := time.NewTimer(forEver)
	defer timer.Stop()
	for {
		var nodes, breakers <-chan struct{}
		var asks time.Duration
		if w.line.isFirst(w.place) {
			nodes, breakers = w.nodes.changed()
			asks = w.nodes.asks()
		}
		if look {
			e, err := w.nodes.enter(w.tried, w.key, &w.call)
			if found = err == nil; found {
				w.served = true
				return e, nil
			}
			w.why = err
			if err := w.heed(); err != nil {
				return nil, err
			}
			w.tellVain()
		}
		look = true
		timer.Reset(w.sleep(asks))
		select {
		case <-w.place.turn:
		case <-nodes:
		case <-breakers:
		case <-timer.C:
			look = w.lift()
		case <-w.ctx.Done():
		}
		if w.ctx.Err() != nil {
			return nil, w.inVain(context.Cause(w.ctx))
		}
		if !w.end.IsZero() && !w.end.After(time.Now()) {
			return nil, w.inVain(nil)
		}
	}
}

// forEver is longer than any wait.
const forEver = time.Duration(1<<63 - 1)

// until is when the call has waited for as long as it may, zero if only its context ends that.
func (w *wait) until() time.Time {
	limit := w.maxWait
	if limit == 0 {
		if _, ok := w.ctx.Deadline(); ok {
			return time.Time{}
		}
		limit = defaultWait
	}
	return w.since.Add(limit - w.waited)
}

// heed goes by why: it returns the call's error if time does not cure that, or not in time.
func (w *wait) heed() error {
	switch e := w.why.(type) {
	case nil:
		return nil
	case *AllOpenError:
		if !e.lasts() {
			w.again = time.Time{}
			w.tried.lift() // who comes back is worth to be asked again
			return nil
		}
	case *NoNodesError:
		if !e.lasts() {
			w.again = time.Time{}
			w.tried.lift()
			return nil
		}
	}
	if w.why != errTried {
		return w.giveUp(GaveUpNoNode, w.why)
	}
	return w.heedTried()
}

// heedTried is heed when each node that takes calls is one that the call has been to.
func (w *wait) heedTried() error {
	opens := w.tried.opens()
	if w.tried.mayLift() {
		if !w.again.After(time.Now()) {
			w.lulls++
			bound := w.backoff.bound(w.lulls)
			w.again = time.Now().Add(bound/2 + rand.N(bound/2+1))
		}
		if !opens.IsZero() && opens.Before(w.again) {
			w.again = opens
		}
		return nil
	}
	switch w.again = opens; {
	case opens.IsZero():
		return w.giveUp(GaveUpNoNode, nil)
	case endsBefore(w.ctx, opens):
		return w.giveUp(GaveUpContext, nil)
	case !w.end.IsZero() && w.end.Before(opens):
		return w.giveUp(GaveUpNoRetry, nil)
	}
	return nil
}

// tellVain tells the line what the look has found.
func (w *wait) tellVain() {
	if w.why == errTried {
		w.line.inVain(w.place, nil)
		return
	}
	w.line.inVain(w.place, w.why)
}

// sleep is how long to wait for the timer: until the call may wait no longer, may go back, or
// asks discovery again.
func (w *wait) sleep(asks time.Duration) time.Duration {
	d := forEver
	if !w.end.IsZero() {
		d = time.Until(w.end)
	}
	if !w.again.IsZero() {
		d = min(d, time.Until(w.again))
	}
	if asks > 0 {
		d = min(d, asks)
	}
	return d
}

// lift has the call go back where it has been, if it is time to, and discovery look; it
// reports whether there may be a node now.
func (w *wait) lift() bool {
	w.nodes.ask()
	if w.again.IsZero() || w.again.After(time.Now()) {
		return false
	}
	w.again = time.Time{}
	w.free = 0
	w.tried.lift()
	return true
}

// crowdedOut is for a call for which the line has no place: it takes a node if there is one.
func (w *wait) crowdedOut() (*NodeEndpoint, error) {
	if w.why == nil {
		e, err := w.nodes.enter(w.tried, w.key, &w.call)
		if err == nil {
			return e, nil
		}
		w.why = err
		if err := w.heed(); err != nil {
			return nil, err
		}
	}
	return nil, w.inVain(ErrTooManyWaiting)
}

// inVain is the error of a call that waits no longer, because of cause.
func (w *wait) inVain(cause error) error {
	e := &WaitError{Waited: w.waited + time.Since(w.since), For: w.why, Cause: cause}
	switch {
	case w.why == errTried && len(w.failures) > 0:
		e.For = w.failures[len(w.failures)-1].Err
	case w.why == nil:
		if e.For = w.line.lastWhy(); e.For == nil {
			e.For = &NoNodesError{}
		}
	}
	gaveUp := GaveUpNoNode
	if err := w.ctx.Err(); err != nil && cause != ErrTooManyWaiting {
		gaveUp = GaveUpContext
		e.Cause = withCause(err, cause)
	}
	return w.giveUp(gaveUp, e)
}
