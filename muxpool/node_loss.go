package muxpool

import (
	"fmt"
	"slices"
)

// connDraining hears that c takes no more calls.
func (n *node) connDraining(c *conn, reason Reason, err error, calls int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if parted, reason := n.part(c, reason, err, calls); parted {
		n.draining[c] = struct{}{}
		n.settle(reason, err)
	}
}

// connDown hears that c has ended, with so many calls on it.
func (n *node) connDown(c *conn, reason Reason, err error, calls int) {
	defer n.dropped() // when mu is free again
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.draining, c)
	n.post(Event{Kind: ConnDown, Reason: reason, Err: err})
	if parted, reason := n.part(c, reason, err, calls); parted {
		n.settle(reason, err)
	}
	n.pool.conns.add(-1)
}

// part takes c out of its slot and says what becomes of the slot. It returns
// false if c has left it before, and the reason for settle. mu is held.
func (n *node) part(c *conn, reason Reason, err error, calls int) (bool, Reason) {
	i := slices.IndexFunc(n.slots, func(s *slot) bool { return s.conn == c })
	if i < 0 {
		return false, reason
	}
	s := n.slots[i]
	s.lost(c.frames.Load() > 0)
	alone := !slices.ContainsFunc(n.slots, func(s *slot) bool { return s.state == slotUp })
	switch {
	case n.closed != nil:
	case reason == ReasonStalled || reason == ReasonKeepAliveTimeout:
		// A connect would prove nothing. With others up the slot rests; without,
		// the node is given up, and who comes next tries again.
		s.cause = err
		if n.suspect = n.suspect || alone; !alone {
			n.rest(s)
		}
	case reason.Failure() && calls > 0 && !c.datagram:
		return true, n.retry(s, reason, err)
	case reason == ReasonConnLost && calls == 0 && !c.datagram:
		return true, ReasonPeerClosed // nobody was hurt: who comes next dials
	case len(n.slots) > n.opts.connectNumber && reason == ReasonIdle:
		n.slots = slices.Delete(n.slots, i, i+1)
	}
	return true, reason
}

// expel gives up: no slot has a connection or an attempt to make one. mu is held.
func (n *node) expel(reason Reason, err error) {
	all := []error{ErrConnectionsHaveBeenExpelled}
	for _, s := range n.slots {
		if s.cause != nil {
			all = append(all, s.cause)
		}
	}
	if len(all) == 1 && err != nil {
		all = append(all, err)
	}
	err = &expelledError{errs: all}
	n.setState(NodeDown)
	n.post(Event{Kind: NodeExpelled, Reason: reason, Err: err})
	n.failQueue(err)
}

// expelledError is ErrConnectionsHaveBeenExpelled and the causes, on one line.
type expelledError struct{ errs []error }

func (e *expelledError) Unwrap() []error { return e.errs }

func (e *expelledError) Error() string {
	s := e.errs[0].Error()
	for i, err := range e.errs[1:] {
		if i > 0 && err.Error() == e.errs[i].Error() {
			continue // the other connection says the same
		}
		s += fmt.Sprintf("; %v", err)
	}
	return s
}
