package muxpool

import (
	"fmt"
	"time"
)

// slotState is the state of a slot.
type slotState uint8

const (
	// slotEmpty: no connection; the next Get that finds it dials.
	slotEmpty slotState = iota
	// slotDialing: a goroutine tries to connect.
	slotDialing
	// slotUp: conn takes calls.
	slotUp
	// slotWaiting: a lost connection is redialed when the timer fires.
	slotWaiting
	// slotResting: the connection was given up; others carry the calls until the
	// timer fires. If they are lost too, the slot counts as empty.
	slotResting
)

// slot is the place of one connection in its node: conns come and go in it. At
// most one goroutine dials for a slot. It is guarded by the mutex of its node.
type slot struct {
	state    slotState
	conn     *conn       // with slotUp
	attempts int         // connects in a row that led to no frame
	redial   bool        // slotDialing, slotWaiting: after a loss, up to the limit
	timer    *time.Timer // with slotWaiting, slotResting
	cause    error       // why it was given up, while that is news
}

// lost empties the slot. proven says that its conn had read a frame.
func (s *slot) lost(proven bool) {
	s.conn, s.state = nil, slotEmpty
	if proven {
		s.attempts = 0
	}
}

func (s *slot) stop() {
	if s.timer != nil {
		s.timer.Stop()
	}
}

// fill dials for every empty slot; node.mu is held. While no conn is up, a
// resting slot counts as empty.
func (n *node) fill() {
	if n.closed != nil {
		return
	}
	fresh := len(*n.open.Load()) == 0
	for _, s := range n.slots {
		if s.state == slotEmpty || fresh && s.state == slotResting {
			s.stop()
			s.attempts = 0
			n.dialInto(s, false)
		}
	}
	if n.short.Store(false); n.state == NodeIdle || n.state == NodeDown {
		n.setState(NodeDialing)
	}
}

// grow adds a slot where every conn is full, those that are being dialed will not
// do for all who wait, and the options allow it; node.mu is held.
func (n *node) grow() {
	if n.opts.maxIdle == 0 || n.opts.maxVirConns == 0 || len(n.slots) >= n.opts.maxConns || n.closed != nil {
		return
	}
	dialing := 0
	for _, s := range n.slots {
		if s.state == slotDialing {
			dialing++
		}
	}
	if needed := (len(n.queue)-1)/n.opts.maxVirConns + 1; dialing >= needed {
		return
	}
	s := new(slot)
	n.slots = append(n.slots, s)
	n.dialInto(s, false)
}

// dialInto starts an attempt to connect for s; node.mu is held.
func (n *node) dialInto(s *slot, redial bool) {
	if s.state, s.redial = slotDialing, redial; !redial {
		s.cause = nil
	}
	n.counters.dials.Add(1)
	go n.dial(s)
}

// dial is the goroutine of one attempt. The attempt belongs to the node: it ends
// with the dial timeout or with the pool, not with any caller.
func (n *node) dial(s *slot) {
	nc, err := n.dialer.dial(n.pool.ctx)
	var settings []byte
	if err == nil {
		settings, err = n.ownSettings()
	}
	var c *conn
	if err == nil {
		c = newConn(n, nc, settings)
	}
	n.mu.Lock()
	switch {
	case n.closed != nil:
		s.state = slotEmpty
	case err != nil:
		n.dialFailed(s, err)
	default:
		n.dialed(s, c)
		nc = nil
	}
	n.mu.Unlock()
	if nc != nil { // nobody's
		_ = nc.Close()
	}
}

// dialed puts c into s; node.mu is held.
func (n *node) dialed(s *slot, c *conn) {
	s.state, s.conn, s.cause = slotUp, c, nil
	s.attempts++ // until a frame proves it
	n.pool.conns.add(1)
	n.post(Event{Kind: ConnUp})
	c.start()
	n.settle(ReasonNone, nil)
}

// dialFailed decides what follows a failed attempt; node.mu is held.
func (n *node) dialFailed(s *slot, err error) {
	n.counters.dialFailures.Add(1)
	s.attempts++
	reason := dialReason(err)
	n.post(Event{Kind: DialFailed, Reason: reason, Err: err, Attempt: s.attempts})
	if s.redial {
		reason = n.retry(s, reason, err)
	} else {
		s.cause = err
		n.rest(s)
	}
	n.settle(reason, err)
}

// retry redials a slot whose connection was lost with calls in flight, after a
// wait, or gives it up at the limit. It returns the reason for settle; node.mu is
// held.
func (n *node) retry(s *slot, reason Reason, err error) Reason {
	if s.attempts < n.opts.reconnectMax {
		s.state, s.redial = slotWaiting, true
		wait := backoff(s.attempts+1, n.opts.reconnectFirst, n.opts.reconnectLimit)
		n.after(s, wait, func() { n.dialInto(s, true) })
		return reason
	}
	err = fmt.Errorf("%w: %d attempts: %w", ErrReconnectLimit, s.attempts, err)
	s.cause = err
	n.post(Event{Kind: ReconnectLimit, Reason: reason, Err: err, Attempt: s.attempts})
	n.rest(s)
	return ReasonReconnectLimit
}

// rest leaves s alone for a while, after which those who wait, if any, try it
// again; node.mu is held.
func (n *node) rest(s *slot) {
	s.state, s.attempts = slotResting, 0
	n.after(s, restTime, func() {
		s.state, s.cause = slotEmpty, nil
		if n.short.Store(true); len(n.queue) > 0 {
			n.fill()
		}
	})
}

// after calls f, with node.mu held, after d, unless s has left its state by then.
func (n *node) after(s *slot, d time.Duration, f func()) {
	state := s.state
	var timer *time.Timer
	timer = time.AfterFunc(d, func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		if s.timer == timer && s.state == state && n.closed == nil {
			f()
		}
	})
	s.timer = timer
}
