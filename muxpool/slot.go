package muxpool

import "time"

// slot is the place of one connection in its node: conns come and go in it. At most one
// goroutine dials for a slot. It is guarded by the mutex of its node, and changed by
// node.change alone.
type slot struct {
	slotLife
	bulk  bool        // the node's bulk connection is its own; never changed
	conn  *conn       // with slotUp, slotRenewing
	timer *time.Timer // with slotWaiting, slotResting
	since time.Time   // of its state
	cause error       // why there is no connection, while that is news
	deaf  bool        // an attempt that was left behind is at work still
}

// change is the one door for slots: it lets ev happen to s, and does what follows,
// but for settle. node.mu is held.
func (n *node) change(s *slot, ev slotEvent) slotTodo {
	ev.patient = n.peer.patient()
	before := s.state
	var todo slotTodo
	s.slotLife, todo = n.decide(s, ev)
	if todo.doubt {
		n.peer = peerDoubted
	}
	if s.state == before {
		return todo
	}
	s.stop()
	if s.since = time.Now(); !s.state.up() {
		s.conn = nil
	}
	switch {
	case ev.news == slotConnected || before == slotResting && s.state == slotEmpty:
		s.cause = nil
	case todo.dial:
		n.counters.dials.Add(1)
		n.pool.running.run(func() { n.dial(s) })
	case s.state == slotWaiting:
		n.due(s, max(1, draw(todo.bound)-todo.age))
	case s.state == slotResting:
		n.due(s, todo.rest)
	}
	return todo
}
