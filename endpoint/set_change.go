package endpoint

import "time"

// change is what an event changes. Callers see the nodes that are new before those that are
// gone refuse them, so that they find another one.
type change struct {
	gone []*member

	// Guarded by the Set's mutex.
	making  int  // endpoints that have not been built, or failed, once
	waiting bool // it was shown, but for its end
	timer   *time.Timer
}

// changeTime is how long nodes that are gone are called for want of new ones, which are
// still being built.
const changeTime = time.Second

// change begins one: gone have left, and the methods get endpoints on added. mu is held.
func (s *Set) change(gone, added []*member, methods []*method) {
	c := &change{gone: gone, making: len(added) * len(methods)}
	s.changes[c] = struct{}{}
	for _, m := range methods {
		s.build(m, added, c)
	}
	s.lane.next(func() { s.show(c) }, nil)
}

// show shows callers what has been built, and ends c if that is all.
func (s *Set) show(c *change) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.making == 0 {
		s.endChange(c)
		return
	}
	c.waiting = true
	c.timer = time.AfterFunc(changeTime, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.endChange(c)
	})
	s.publishAll(nil)
}

// endChange shows all of c, whose members that are gone drain. mu is held.
func (s *Set) endChange(c *change) {
	if _, ok := s.changes[c]; !ok {
		return
	}
	delete(s.changes, c)
	if c.timer != nil {
		c.timer.Stop()
	}
	s.publishAll(c.gone)
	for _, m := range c.gone {
		m.calls.shut()
	}
}

// publishAll publishes each method that has something new to show; mu is held.
func (s *Set) publishAll(gone []*member) {
	for _, m := range s.methods {
		if len(gone)+len(m.ready) > 0 || len(m.view.Load().nodes) == 0 {
			s.publish(m, gone)
		}
	}
}

// letGo ends what belongs to a member whose last call has returned. That of a Client is to
// let its connections go, which discovery may have given to the member's successor.
func (s *Set) letGo(m *member, release func()) {
	s.mu.Lock()
	closers := m.closers
	m.closers, m.drained = nil, true
	back := s.members[fold(m.node)] != nil
	s.mu.Unlock()
	for _, c := range closers {
		if _, ofClient := c.(clientCloser); ofClient && back {
			continue
		}
		s.close(m, c)
	}
	s.lane.next(func() {
		release()
		s.nodes.leave()
	}, nil)
}

// end closes the Set for callers.
func (s *Set) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	s.stopKeeping()
	if s.subset.timer != nil {
		s.subset.timer.Stop()
	}
	s.change(s.dropAll(), nil, nil)
	for c := range s.changes {
		s.endChange(c)
	}
	s.nodes.shut()
}
