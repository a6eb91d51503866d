package muxpool

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// place puts cl on a connection.
func (n *node) place(ctx context.Context, cl *call) error {
	if n.waiting.Load() == 0 { // nobody is overtaken
		cl.tentative.Store(true)
		ok, err := n.tryOpen(cl)
		if ok || err != nil {
			if n.short.Load() {
				n.refill()
			}
			if cl.bulk {
				n.wantBulk()
			}
			if ok && cl.conn.hungUp() {
				cl.conn.vacate(cl)
				err = errHungUp
			}
			cl.tentative.Store(false)
			return err
		}
		cl.tentative.Store(false)
	}
	err := n.wait(ctx, cl)
	if err == nil && cl.bulk {
		n.wantBulk()
	}
	return err
}

// errHungUp sends a Get back to the start: the conn that it was put on had been closed
// by the peer.
var errHungUp = errors.New("muxpool: closed by the peer while idle")

// lighter reports whether c has fewer calls in flight than other, or as many, and fewer
// whose callers have left unanswered: the peer may be at work on those still, or, if it
// is not, it was silent on that connection.
func (c *conn) lighter(other *conn) bool {
	if c.ordered {
		return c.before() < other.before()
	}
	if a, b := c.inFlight.Load(), other.inFlight.Load(); a != b {
		return a < b
	}
	return c.ids.reserved.count.Load() < other.ids.reserved.count.Load()
}

// tryOpen puts cl on the least loaded connection that takes it, bulk on its own. An explicit id
// that is in use on every connection is ErrDupRequestID, a deadline that has passed
// context.DeadlineExceeded.
func (n *node) tryOpen(cl *call) (bool, error) {
	if cl.bulk {
		if c := n.bulk.Load(); c != nil {
			if ok, err := c.open(cl); ok || err != nil {
				return ok, err
			}
		}
	}
	conns := *n.open.Load()
	if len(conns) == 0 {
		return false, nil
	}
	best := 0
	if len(conns) > 1 {
		best = int(rand.Uint32N(uint32(len(conns)))) // among equals
	}
	for i := range conns {
		if conns[i].lighter(conns[best]) {
			best = i
		}
	}
	dups := 0
	for i := range conns {
		ok, err := conns[(best+i)%len(conns)].open(cl)
		if ok {
			return true, nil
		}
		switch err {
		case nil:
		case ErrDupRequestID:
			dups++
		default:
			return false, err
		}
	}
	if dups == len(conns) {
		cl.conn = conns[best] // which tells the addresses
		return false, ErrDupRequestID
	}
	return false, nil
}

// refill dials for empty slots while others carry the calls.
func (n *node) refill() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.fill()
}

// wait queues the Get until it is served, the node fails, or ctx ends.
func (n *node) wait(ctx context.Context, cl *call) error {
	w := &waiter{call: cl, done: make(chan error, 1)}
	// Counted before looking again: whoever frees a place after the look sees the
	// count, whoever freed it before is seen by the look.
	n.waiting.Add(1)
	n.enqueue(w)
	select {
	case err := <-w.done:
		return err
	default:
	}
	var expired <-chan time.Time
	if !cl.deadline.IsZero() {
		left := time.Until(cl.deadline)
		if left <= 0 {
			return n.leave(w, context.DeadlineExceeded)
		}
		timer := time.NewTimer(left)
		defer timer.Stop()
		expired = timer.C
	}
	select {
	case err := <-w.done:
		return err
	case <-ctx.Done():
		return n.leave(w, ctxErr(ctx))
	case <-expired:
		return n.leave(w, context.DeadlineExceeded)
	}
}

// enqueue serves w at once if it can.
func (n *node) enqueue(w *waiter) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed != nil {
		n.finish(w, n.closed)
		return
	}
	n.queue.add(w)
	if n.serve(); n.queue.n == 0 {
		return
	}
	if n.short.Load() || len(*n.open.Load()) == 0 {
		n.fill()
	}
	n.grow()
	w.began = time.Now()
}

// leave takes w out of the queue; if it was served meanwhile, what it got is
// given back.
func (n *node) leave(w *waiter, err error) error {
	n.mu.Lock()
	left := n.queue.remove(w)
	var awaited error
	if left {
		n.waiting.Add(-1)
		n.counters.waited(w.began)
		awaited = n.awaited()
	}
	n.mu.Unlock()
	err = both(err, awaited)
	if !left {
		switch served := <-w.done; {
		case served == nil:
			w.call.conn.abandon(w.call, endUndone, nil)
		case !errors.Is(served, ErrDupRequestID) && served != err:
			err = both(err, served)
		}
	}
	return err
}

// awaited says what who leaves the queue has waited for: a connection, or a place on those
// that are up. It is in words alone, and what became of the last attempt to connect, too: the
// time of who leaves has ended his Get, and that is what errors.Is is to find. mu is held.
func (n *node) awaited() error {
	switch up, per := len(*n.open.Load()), n.perConn(); {
	case up == 0:
		for _, s := range n.slots {
			if s.cause != nil {
				return fmt.Errorf("not connected yet: %s", bare(s.cause))
			}
		}
		return errors.New("not connected yet")
	case per == 0:
		return fmt.Errorf("no id was free on %d connections", up)
	default:
		return fmt.Errorf("%d connections were full, at most %d calls are allowed on each", up, per)
	}
}

// finish tells w the outcome; mu is held, w is not in the queue.
func (n *node) finish(w *waiter, err error) {
	n.waiting.Add(-1)
	if !w.began.IsZero() { // here, where the node still has its place among the figures
		n.counters.waited(w.began)
	}
	w.done <- err
}

// serve gives connections to those who wait, in order; mu is held. Who waits for an id of
// his own choice, which is taken where there is a place, does not keep back the others. It
// returns how many it has looked at.
func (n *node) serve() (looked int) {
	for w := n.queue.first; w != nil; {
		next := w.next
		looked++
		switch ok, err := n.tryOpen(w.call); {
		case ok || err != nil:
			n.queue.remove(w)
			n.finish(w, err)
		case !w.call.explicit || !n.room():
			return looked
		}
		w = next
	}
	return looked
}

// room reports whether a connection has a place and an id.
func (n *node) room() bool {
	return slices.ContainsFunc(*n.open.Load(), (*conn).room)
}

// failQueue tells everybody who waits that there is nothing to wait for; mu is held.
func (n *node) failQueue(err error) {
	for w := n.queue.first; w != nil; w = n.queue.first {
		n.queue.remove(w)
		n.finish(w, err)
	}
}

// placeFreed hears that there is an id or a place on c, which may be idle now.
func (n *node) placeFreed(c *conn, idle bool) {
	if n.waiting.Load() > 0 {
		n.mu.Lock()
		n.serve()
		n.mu.Unlock()
	}
	if idle && n.opts.maxIdle > 0 && !c.bulk && n.surplus() {
		n.shrinking.Lock()
		defer n.shrinking.Unlock()
		if n.surplus() { // still, without those that others have drained
			c.drainIdle()
		}
	}
}

// surplus reports whether more conns are idle than WithMaxIdleConnsPerHost keeps.
func (n *node) surplus() bool {
	idle := 0
	for _, c := range *n.open.Load() {
		if c.inFlight.Load() == 0 {
			idle++
		}
	}
	return idle > n.opts.maxIdle
}
