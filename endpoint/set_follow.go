package endpoint

import (
	"slices"

	"github.com/muxkit/muxkit/muxpool"
)

// known is what a Set knows, all of it guarded by the Set's mutex.
type known struct {
	closed  bool
	pending pending
	retry   retryConfig // of NewSet and Update, for methods that have no options of their own

	// instances are the texts of the last list that names any, and what each is: what
	// discovery goes on naming is not parsed again.
	instances map[string]*instance
	list      []*instance // those of the last list, each once, in its order
	lists     uint64      // how many came
	asked     int         // calls of the user's parser that have not returned
	rounds    uint64      // how often list was followed

	members map[muxpool.Node]*member // by fold
	drains  map[muxpool.Node]*Drain  // likewise: what Drain has ordered; what they point to does not change
	order   []*member                // the same, in the order of their text; not changed in place
	methods []*method                // appended to only
	unbind  []func()                 // lets the services among the breakers go; appended to until closed
	failing map[*building]struct{}   // what is to be asked again
	changes map[*change]struct{}     // those under way

	err  error    // the discovery's error: the last, or the first of a row that has an end; nil after a good event
	bad  error    // why the first instance of list that is none is none
	keep *keeping // nil: the nodes are those that discovery names
}

func (k *known) init() {
	k.instances = make(map[string]*instance)
	k.members = make(map[muxpool.Node]*member)
	k.drains = make(map[muxpool.Node]*Drain)
	k.failing = make(map[*building]struct{})
	k.changes = make(map[*change]struct{})
}

// pending is what discovery has told since the Set last looked: the last list, whether an
// empty one came after it, which does not undo it (see WithKeepNodes), and an error after both.
type pending struct {
	listed    bool
	instances instances
	emptied   bool
	err       error
	queued    bool // the look is on the lane
}

// receive takes what discovery sends, and does nothing else: an Instancer may hold its
// lock while it sends, and user code may want that lock.
func (s *Set) receive() {
	for {
		select {
		case ev := <-s.events:
			s.note(instances{addresses: ev.Instances}, ev.Err)
		case ev := <-s.told:
			s.note(instances{told: ev.Instances}, ev.Err)
		case f := <-s.marks:
			s.lane.push(f)
		case <-s.quit:
			return
		}
	}
}

func (s *Set) note(named instances, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := &s.pending
	switch p.err = err; {
	case err != nil:
	case named.len() == 0:
		p.emptied = true
	default:
		p.listed, p.instances, p.emptied = true, named, false
	}
	if !p.queued {
		p.queued = true
		s.lane.push(s.look)
	}
}

// look follows what discovery has told.
func (s *Set) look() {
	s.mu.Lock()
	p := s.pending
	s.pending = pending{}
	s.mu.Unlock()
	s.lookAt(p)
}

// lookAt follows p, in its order.
func (s *Set) lookAt(p pending) {
	var list instances
	switch {
	case p.listed:
		list, p.listed = p.instances, false
	case p.emptied:
		p.emptied = false
	case p.err != nil:
		s.fail(p.err)
		return
	default:
		return
	}
	s.mu.Lock()
	unknown := s.read(list)
	s.mu.Unlock()
	if len(unknown) == 0 { // as ever while nothing is new, or it is ours to parse
		s.follow()
		s.lookAt(p)
		return
	}
	for _, in := range unknown {
		s.parse(in)
	}
	rest := p
	s.lane.next(func() {
		s.follow()
		s.lookAt(rest)
	}, nil)
}

// follow makes the nodes of the list the Set's.
func (s *Set) follow() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	added, named := s.match()
	if named == 0 {
		s.dropped(s.lack(false))
		return
	}
	if s.keep != nil {
		s.stopKeeping()
		s.log("msg", "discovery names nodes again", "nodes", named)
	}
	var gone []*member
	if named < len(s.order)+len(added) {
		for _, m := range s.order {
			if m.round != s.rounds {
				gone = append(gone, m)
			}
		}
	}
	s.leave(gone)
	s.askFailing()
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

// match finds the member of each instance of the list, and makes those that lack; it returns
// them, and how many members the list names. mu is held.
func (s *Set) match() (added []*member, named int) {
	s.rounds++
	s.bad = nil
	for _, in := range s.list {
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
			named++
		}
	}
	return added, named
}

func (s *Set) memberOf(in *instance) *member {
	if in.err != nil && s.bad == nil {
		s.bad = in.err
	}
	if in.err != nil || in.node == (muxpool.Node{}) {
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
	m.drain.Store(s.drains[fold(node)])
	release := s.cfg.hold(node)
	s.nodes.enter()
	m.calls.empty = func() { s.lane.next(func() { s.letGo(m, release) }, nil) }
	return m
}

// fail follows an error of the discovery's.
func (s *Set) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	if s.err == nil || s.err.Error() != err.Error() { // else it was told
		s.log("msg", "service discovery failed", "nodes", len(s.order), "err", shown(err.Error(), maxText))
	}
	if s.err == nil || s.cfg.keep.of(true) == KeepForever {
		s.err = err
	}
	s.dropped(s.lack(true))
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
	clear(s.instances)
	s.leave(gone)
	return gone
}

// leave notes that the members in gone are; mu is held.
func (s *Set) leave(gone []*member) {
	for _, m := range gone {
		m.gone = true
		delete(s.members, fold(m.node))
	}
	if len(gone) > 0 {
		s.forgetFailing()
	}
}
