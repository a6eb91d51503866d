package muxpool

import (
	"fmt"
	"slices"
	"time"
)

// slots is what the options say of them.
func (o *poolOptions) slots() slotPolicy {
	return slotPolicy{o.reconnectMax, o.reconnectFirst, o.reconnectLimit}
}

// tally counts the slots that have a connection, and those that will have one without
// anybody doing anything. mu is held.
func (n *node) tally() (up, trying int) {
	for _, s := range n.slots {
		switch {
		case s.state.up():
			up++
		case s.state.trying():
			trying++
		}
	}
	return up, trying
}

// fill dials for every empty slot; mu is held. If no slot has a connection or tries to
// make one then, one that rests is tried: a peer that was given up is asked once.
func (n *node) fill() {
	if n.closed != nil {
		return
	}
	for _, s := range n.slots {
		if s.state == slotEmpty && !s.bulk {
			n.want(s, false)
		}
	}
	if up, trying := n.tally(); up+trying == 0 {
		n.want(n.leastTried(), true)
	}
	if n.short.Store(false); n.state == NodeIdle || n.state == NodeDown {
		n.setState(NodeDialing)
	}
}

// leastTried is the slot of which most is to be hoped. mu is held.
func (n *node) leastTried() (least *slot) {
	for _, s := range n.slots {
		if !s.bulk && (least == nil || s.tries < least.tries) {
			least = s
		}
	}
	return least
}

func (n *node) want(s *slot, alone bool) {
	n.change(s, slotEvent{news: slotWanted, alone: alone, age: time.Since(s.since)})
}

// grow adds a slot where every conn is full, those that are being dialed will not
// do for all who wait, and the options allow it; mu is held.
func (n *node) grow() {
	per := n.perConn()
	if ids := n.space.n; ids <= smallSpace && (per == 0 || int(ids) < per) {
		per = int(ids)
	}
	if n.opts.maxIdle == 0 || per == 0 || n.ordinary() >= n.opts.maxConns || n.closed != nil {
		return
	}
	dialing := 0
	for _, s := range n.slots {
		if s.state.dialing() && !s.bulk {
			dialing++
		}
	}
	if needed := (n.queue.n-1)/per + 1; dialing >= needed {
		return
	}
	s := new(slot)
	n.slots = append(n.slots, s)
	n.want(s, false)
}

// growAll grows for all who wait. mu is held.
func (n *node) growAll() {
	for slots := -1; n.queue.n > 0 && slots != len(n.slots); {
		slots = len(n.slots)
		n.grow()
	}
}

// vacant hears that a slot's rest is over: those who wait, if any, try it. mu is held.
func (n *node) vacant() {
	n.trim()
	if n.publish(); n.queue.n > 0 {
		n.fill()
		n.grow()
	}
}

// trim drops empty slots beyond WithConnectNumber, but for those of which an attempt is at work
// still: who needs one more lets the node grow again. mu is held.
func (n *node) trim() {
	spare := n.ordinary() - n.opts.connectNumber
	n.slots = slices.DeleteFunc(n.slots, func(s *slot) bool {
		if spare <= 0 || s.state != slotEmpty || s.bulk || s.deaf {
			return false
		}
		spare--
		return true
	})
}

// due makes s hear of it after d, if it is still in its state then. d is not zero: such a timer of a
// bubble of testing/synctest crashes the race detector (docs/decisions/0052).
func (n *node) due(s *slot, d time.Duration) {
	var timer *time.Timer
	timer = time.AfterFunc(d, func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		if s.timer != timer { // it was stopped too late
			return
		}
		if n.change(s, slotEvent{news: slotDue}); s.state == slotEmpty {
			n.vacant()
		}
	})
	s.timer = timer
}

func (s *slot) stop() {
	if s.timer != nil {
		s.timer.Stop()
		s.timer = nil
	}
}

// dialTook counts the time of a dial, which may have outlived its node's place in the pool.
func (n *node) dialTook(d time.Duration) {
	n.mu.Lock()
	n.counters.dialTime.Add(int64(d))
	added := n.added
	n.mu.Unlock()
	if added {
		n.pool.mu.Lock()
		n.pool.past.DialDuration += d
		n.pool.mu.Unlock()
	}
}

func (n *node) dialEnded(s *slot, got dialOutcome) {
	var c *conn
	nc := got.nc
	if got.err == nil {
		c = newConn(n, nc, got.session, got.settings)
	}
	reason := dialReason(got.err) // asks the error, which may be the user's, under no lock
	var old *conn
	n.mu.Lock()
	switch {
	case n.closed != nil && s.conn == nil:
		n.change(s, slotEvent{news: slotShut})
	case n.closed != nil || c != nil && c.sameAs(s.conn): // what was to be replaced stays, or goes by itself
		n.change(s, slotEvent{news: slotRefused})
	case got.err != nil:
		n.dialFailed(s, reason, got.err)
	default:
		var ok bool
		if old, ok = n.dialed(s, c); ok {
			nc = nil
		}
	}
	n.mu.Unlock()
	if old != nil {
		old.drain(ReasonRetired, nil)
	}
	if nc != nil { // nobody's
		shut(nc)
	}
}

// dialed puts c into s, and returns the conn whose place it takes, if there is one; mu
// is held. It returns false if s does not take c.
func (n *node) dialed(s *slot, c *conn) (old *conn, ok bool) {
	old = s.conn
	if todo := n.change(s, slotEvent{news: slotConnected}); todo.broken {
		return nil, false
	}
	if old != nil {
		n.draining[old] = struct{}{}
	}
	s.conn, c.slot, c.bulk = c, s, s.bulk
	n.peer = n.peer.connected()
	n.pool.conns.add(1)
	n.post(Event{Kind: ConnUp, Bulk: s.bulk})
	c.start()
	n.settle(ReasonNone, nil)
	return old, true
}

// dialFailed decides what follows a failed attempt; mu is held.
func (n *node) dialFailed(s *slot, reason Reason, err error) {
	n.counters.dialFailures.Add(1)
	up, trying := n.tally()
	todo := n.change(s, slotEvent{news: slotRefused, alone: up+trying == 1, spare: n.spare(s)})
	n.post(Event{Kind: DialFailed, Reason: reason, Err: err, Attempt: max(1, s.tries), Bulk: s.bulk})
	if s.conn != nil {
		return // it was to be replaced, and stays
	}
	n.settle(n.spent(s, todo, reason, err), err)
}

// spent tells that s has used its attempts up, if it has, and returns the reason for
// settle. mu is held.
func (n *node) spent(s *slot, todo slotTodo, reason Reason, err error) Reason {
	if reason.Failure() || todo.spent {
		s.cause = err
	}
	if !todo.spent {
		return reason
	}
	if err == nil {
		err = fmt.Errorf("%w: %s", ErrConnLost, reason)
	}
	s.cause = &spentError{s.tries, err}
	if todo.limit {
		n.post(Event{Kind: ReconnectLimit, Reason: reason, Err: s.cause, Attempt: s.tries, Bulk: s.bulk})
	}
	return ReasonReconnectLimit
}

// proved hears that the peer has answered on c for the first time.
func (n *node) proved(c *conn) {
	n.mu.Lock()
	defer n.mu.Unlock()
	before := n.peer
	n.peer = peerProven
	n.forgive(func(s *slot) bool { return s.conn == c }) // one that drains has no slot to speak for
	if before != peerProven {                            // what was held against the others was the peer's doing, too
		n.forgive(func(*slot) bool { return true })
	}
	if n.trim(); n.state != NodeUp {
		return
	}
	if n.publish(); !before.credible() {
		n.post(Event{Kind: NodeReady})
	}
	if n.queue.n > 0 && n.short.Load() {
		n.fill()
	}
	n.growAll() // for those who found no room beside a slot that rested, and rests no more
}

// forgive takes back what is held against the slots of which is true. mu is held.
func (n *node) forgive(which func(*slot) bool) {
	for _, s := range n.slots {
		if which(s) {
			n.change(s, slotEvent{news: slotProven})
		}
	}
}

func (s *slot) resting() bool { return s.state == slotResting }
