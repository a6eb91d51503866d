package endpoint

import (
	"slices"

	"github.com/muxkit/muxkit/muxpool"
)

// follow makes the nodes of the list the Set's.
func (s *Set) follow() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	s.bad = whyBad(s.list)
	added, named := s.match(s.choose())
	if named == 0 {
		s.dropped(s.lack(false))
		return
	}
	if s.keep != nil {
		s.stopKeeping()
		s.log("msg", "discovery names nodes again", "nodes", named)
	}
	s.askFailing()
	s.turnOver(added, named)
}

// turnOver makes the Set's members those that were matched; mu is held.
func (s *Set) turnOver(added []*member, named int) {
	var gone []*member
	if named < len(s.order)+len(added) {
		for _, m := range s.order {
			if m.round != s.rounds {
				gone = append(gone, m)
			}
		}
	}
	s.noteGone(gone)
	if len(added)+len(gone) > 0 {
		slices.SortFunc(added, byText)
		s.order = splice(s.order, self, gone, added)
		s.change(gone, added, s.methods)
	}
	if s.weigh() {
		for _, m := range s.methods {
			s.publish(m, nil)
		}
	}
}

// whyBad is why the first instance of a list that is none is none.
func whyBad(list []*instance) error {
	for _, in := range list {
		if in.err != nil {
			return in.err
		}
	}
	return nil
}

// match finds the member of each instance that is to have one, and makes those that lack; it returns
// them, and how many members that are. mu is held.
func (s *Set) match(held []*instance) (added []*member, named int) {
	s.rounds++
	for _, in := range held {
		if in.member == nil || in.member.gone {
			if in.member = s.memberOf(in); in.member == nil {
				continue
			}
			if in.member.round == 0 {
				added = append(added, in.member)
			}
		}
		if m := in.member; m.round != s.rounds {
			m.round, m.told = s.rounds, in.told
			if m.standIn.Load() {
				m.standIn.Store(false)
			}
			named++
		}
	}
	for _, in := range s.subset.standIns {
		in.member.standIn.Store(true)
	}
	return added, named
}

func (s *Set) memberOf(in *instance) *member {
	if !in.isNode() {
		return nil
	}
	key := fold(in.node)
	if s.members[key] == nil {
		s.members[key] = s.newMember(in.node)
	}
	return s.members[key]
}

// newMember takes node into use: its breaker is held until the node was dropped
// and its last call has returned. mu is held.
func (s *Set) newMember(node muxpool.Node) *member {
	m := s.cfg.joins(node, len(s.order) > 0)
	m.timing, m.minute.born = &s.timing, s.timing.now()
	if s.cfg.zone != "" {
		m.weight.moves = &s.moves
	}
	m.drain.Store(s.drains[fold(node)])
	release := s.cfg.hold(node)
	s.nodes.enter()
	m.calls.empty = func() { s.lane.next(func() { s.letGo(m, release) }, nil) }
	return m
}

// dropped shows that the members in gone are, or, if the Set has no nodes at all, why.
// mu is held.
func (s *Set) dropped(gone []*member) {
	if len(gone) > 0 || len(s.order) == 0 {
		s.change(gone, nil, nil)
	}
}

// dropAll takes all members out; mu is held. What discovery named is forgotten: an error
// says nothing of who is there.
func (s *Set) dropAll() (gone []*member) {
	gone = s.order
	s.order, s.list = nil, nil
	s.subset.ordered, s.subset.standIns, s.subset.home = nil, nil, 0
	clear(s.instances)
	s.noteGone(gone)
	return gone
}

// noteGone notes that the members in gone are; mu is held.
func (s *Set) noteGone(gone []*member) {
	for _, m := range gone {
		m.gone = true
		delete(s.members, fold(m.node))
	}
	if len(gone) > 0 {
		s.forgetFailing()
	}
}
