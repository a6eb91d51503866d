package muxpool

import (
	"fmt"
	"strings"
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
	n.ending[c] = struct{}{}
	n.closings[reason]++
	n.post(Event{Kind: ConnDown, Reason: reason, Err: err, Bulk: c.bulk})
	if parted, reason := n.part(c, reason, err, calls); parted {
		n.settle(reason, err)
	}
	n.pool.conns.add(-1)
}

// part takes c out of its slot, or out of the drained ones, and lets the slot hear of
// it. It returns false if nothing follows, and the reason for settle. mu is held.
func (n *node) part(c *conn, reason Reason, err error, calls int) (bool, Reason) {
	s := c.slot
	ev := slotEvent{
		news:   slotLeft,
		spare:  n.spare(s),
		proven: c.proven(),
		brief:  c.endedSoon(reason),
	}
	switch {
	case n.closed != nil:
		ev.news = slotShut
	case reason == ReasonStalled || reason == ReasonKeepAliveTimeout:
		ev.news = slotSilent
	case reason.Failure() && calls > 0 && !c.datagram:
		ev.news = slotLost
	default:
		ev.spare = ev.spare && calls > 0 && !s.bulk // who waited for one more got it, and would again
	}
	up, _ := n.tally()
	if s.conn != c { // it has left before
		if ev.alone = up == 0; ev.news != slotLost {
			return false, reason
		}
		ev.news = slotLostLate
		before := s.state
		todo := n.change(s, ev)
		return s.state != before, n.spent(s, todo, reason, err)
	}
	ev.alone = up == 1
	todo := n.change(s, ev)
	if ev.alone && ev.proven { // a peer that has kept one connection has let go of that, too
		n.forgive((*slot).resting)
	}
	return true, n.spent(s, todo, reason, err)
}

// expel gives up: no slot has a connection or an attempt to make one. The causes are
// what the slots know, or err. mu is held.
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
	n.peer = n.peer.expelled()
	n.setState(NodeDown)
	n.counters.expelled.Add(1)
	n.post(Event{Kind: NodeExpelled, Reason: reason, Err: err})
	n.failQueue(err)
}

// spentError is ErrReconnectLimit after so many attempts, and what the last came to.
type spentError struct {
	attempts int
	err      error
}

func (e *spentError) Unwrap() []error { return []error{ErrReconnectLimit, e.err} }
func (e *spentError) Error() string {
	return fmt.Sprintf("%v: %d attempts: %s", ErrReconnectLimit, e.attempts, bare(e.err))
}

// expelledError is ErrConnectionsHaveBeenExpelled and the causes, on one line. Of
// connections that say the same, the one that made the most attempts says it.
type expelledError struct{ errs []error }

func (e *expelledError) Unwrap() []error { return e.errs }

func (e *expelledError) Error() string {
	said := []string{e.errs[0].Error()}
	of := make(map[string]int) // what the last attempt came to: where in said
	most := make(map[string]int)
	for _, err := range e.errs[1:] {
		last, attempts := err.Error(), 0
		if s, ok := err.(*spentError); ok {
			last, attempts = s.err.Error(), s.attempts
		}
		at, again := of[last]
		switch {
		case !again:
			of[last], most[last] = len(said), attempts
			said = append(said, bare(err))
		case attempts > most[last]:
			most[last], said[at] = attempts, bare(err)
		}
	}
	return once(strings.Join(said, "; "))
}
