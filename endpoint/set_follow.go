package endpoint

import (
	"net"
	"slices"
	"strings"
	"time"

	"github.com/go-kit/kit/sd"

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
	list      []*instance // those of the last list, in its order, perhaps several times
	lists     uint64      // how many came
	rounds    uint64      // how often list was followed

	members map[muxpool.Node]*member // by fold
	order   []*member                // the same, in the order of their text; not changed in place
	methods []*method                // appended to only
	failing map[*building]struct{}   // what is to be asked again
	changes map[*change]struct{}     // those under way

	err  error    // the discovery's error: the last, or the first of a row that has an end; nil after a good event
	bad  error    // why the first instance of list that is none is none
	keep *keeping // nil: the nodes are those that discovery names
}

func (k *known) init() {
	k.instances = make(map[string]*instance)
	k.members = make(map[muxpool.Node]*member)
	k.failing = make(map[*building]struct{})
	k.changes = make(map[*change]struct{})
}

// pending is what discovery has told since the Set last looked. Only the last list counts,
// and an error after it.
type pending struct {
	listed    bool
	instances []string
	err       error
	queued    bool // the look is on the lane
}

// instance is one text of the discovery's.
type instance struct {
	text    string
	seen    uint64 // number of the last list that names it
	parsing bool   // the user's parser has it
	node    muxpool.Node
	err     error   // why it is none
	member  *member // nil until it was followed
}

// receive takes what discovery sends, and does nothing else: an Instancer may hold its
// lock while it sends, and user code may want that lock.
func (s *Set) receive() {
	for {
		select {
		case ev := <-s.events:
			s.note(ev)
		case f := <-s.marks:
			s.lane.push(f)
		case <-s.quit:
			return
		}
	}
}

func (s *Set) note(ev sd.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := &s.pending
	if p.err = ev.Err; p.err == nil {
		p.listed, p.instances = true, ev.Instances
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
	var unknown []*instance
	if p.listed && !s.closed {
		unknown = s.read(p.instances)
	}
	s.mu.Unlock()
	for _, in := range unknown {
		s.parse(in)
	}
	if len(unknown) == 0 { // as ever while nothing is new, or it is ours to parse
		s.followAndFail(p)
		return
	}
	s.lane.next(func() { s.followAndFail(p) }, nil)
}

func (s *Set) followAndFail(p pending) {
	if p.listed {
		s.follow()
	}
	if p.err != nil {
		s.fail(p.err)
	}
}

// read makes texts the Set's list, and returns those that the user's parser is to be asked
// about; mu is held.
func (s *Set) read(texts []string) (unknown []*instance) {
	s.err = nil
	s.lists++
	s.list = s.list[:0]
	different := 0
	for _, text := range texts {
		in := s.instances[text]
		if in == nil {
			in = &instance{text: strings.Clone(text)} // it may be part of something large
			s.instances[in.text] = in
		} else if in.seen == s.lists {
			continue
		}
		different++
		fresh := in.seen == 0
		in.seen = s.lists
		s.list = append(s.list, in)
		switch {
		case s.cfg.parse == nil && fresh:
			in.node, in.err = ParseNode(in.text)
			s.tellBad(in)
		case s.cfg.parse != nil && (fresh || in.err != nil) && !in.parsing:
			in.parsing = true
			unknown = append(unknown, in)
		}
	}
	if different > 0 && len(s.instances) > different {
		for text, in := range s.instances {
			if in.seen != s.lists {
				delete(s.instances, text)
			}
		}
	}
	return unknown
}

func (s *Set) tellBad(in *instance) {
	if in.err != nil {
		s.log("msg", "an instance is left out", "instance", shown(in.text, maxText), "err", shown(in.err.Error(), maxText))
	}
}

// parse asks the user's parser about in. It is asked once at a time about each.
func (s *Set) parse(in *instance) {
	s.lane.next(func() {
		if s.slowParser.Load() { // nobody waits for it again
			go s.ask(in, true)
			return
		}
		s.ask(in, false)
	}, &s.slowParser)
}

func (s *Set) ask(in *instance, late bool) {
	node, err := muxpool.Node{}, errEnded
	defer func() {
		s.mu.Lock()
		known := in.err
		in.parsing, in.node, in.err = false, node, err
		if known == nil || err == nil || known.Error() != err.Error() {
			s.tellBad(in)
		}
		s.mu.Unlock()
		if late || s.slowParser.Load() { // who follows the list has gone ahead
			s.lane.next(s.follow, nil)
		}
	}()
	node, err = s.cfg.parseNode(in.text)
}

// fold makes one of the two spellings of a host's name, with and without the dot at its end:
// a Set counts them as one node, and calls it as the first that came.
func fold(n muxpool.Node) muxpool.Node {
	if strings.Contains(n.Address, ".:") {
		if host, port, err := net.SplitHostPort(n.Address); err == nil {
			n.Address = net.JoinHostPort(strings.TrimSuffix(host, "."), port)
		}
	}
	return n
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
	if len(added)+len(gone) == 0 {
		return
	}
	slices.SortFunc(added, byText)
	s.order = splice(s.order, self, gone, added)
	s.change(gone, added, s.methods)
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
			m.round = s.rounds
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
	m := newMember(node)
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
	s.change(s.dropAll(), nil, nil)
	for c := range s.changes {
		s.endChange(c)
	}
	s.nodes.shut()
}
