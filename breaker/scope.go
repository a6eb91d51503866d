package breaker

import (
	"context"
	"sync/atomic"

	"github.com/muxkit/muxkit/muxpool"
)

// Scope is a service within a Group: its nodes are compared, and counted for
// WithMaxEjection and WithPanicThreshold, among themselves, and it has settings of
// its own. The pool's events and an operator's orders are about a node in every
// service that has it. It is safe for concurrent use.
type Scope struct {
	group   *Group
	name    string
	changes changes
	kept    atomic.Bool // Scope has returned it: it is never forgotten
	census  census

	// The group's mu guards what is below.
	base  settings
	set   *settings // base with every default: of the nodes without options of their own
	seats map[*seat]struct{}
	sweep sweep

	uses      int  // of UseScope
	forgotten bool // the last one was released
}

// Scope returns the service of that name, known or new, and puts opts on top of its
// settings. A new one has the group's. The group itself is the service without a
// name. If an option is invalid, it is the group's Err.
// The group remembers it for ever: see UseScope.
func (g *Group) Scope(name string, opts ...Option) *Scope {
	s := g.scope(name)
	s.amend(opts)
	return s
}

// amend puts opts, if there are any, on top of the settings.
func (s *Scope) amend(opts []Option) {
	if len(opts) == 0 {
		return
	}
	if err := s.Update(opts...); err != nil {
		s.group.fail(err)
	}
}

// scope returns the service, which is kept from now on.
func (g *Group) scope(name string) *Scope {
	if s, ok := g.scopes.Load(name); ok && s.(*Scope).kept.Load() {
		return s.(*Scope)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	s := g.scopeLocked(name)
	s.kept.Store(true)
	return s
}

// scopeLocked returns the service, known or new. mu is held.
func (g *Group) scopeLocked(name string) *Scope {
	if s, ok := g.scopes.Load(name); ok {
		return s.(*Scope)
	}
	s := &Scope{group: g, name: name, base: g.base, seats: map[*seat]struct{}{}}
	s.configure()
	g.scopes.Store(name, s)
	return s
}

// configure puts the service's base in force. The group's mu is held.
func (s *Scope) configure() {
	set, err := s.base.forNode(nil)
	if err != nil {
		panic("BUG: settings that were accepted before: " + err.Error())
	}
	s.set = set
	s.census.configure(s.base.shareCap(), s.base.panicShare)
	s.startSweep()
	s.changes.Add(1)
}

// Name returns the service's name.
func (s *Scope) Name() string { return s.name }

// Changes is a number that grows whenever Ready may say something else of any of
// the service's targets than before, the passing of time included. It takes no
// lock. Who keeps what Ready said reads the number before he asks.
func (s *Scope) Changes() uint64 { return s.changes.Load() }

// Update puts opts on top of the service's settings, as Group.Update does for every
// service. WithForget and WithListener are the group's alone.
func (s *Scope) Update(opts ...Option) error {
	g := s.group
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.update([]*Scope{s}, opts)
}

// Hold says that the service has the node: see Group.Hold.
func (s *Scope) Hold(node muxpool.Node) (release func()) { return s.hold(node) }

// claim returns a target's method, known or new, and says that calls will come.
// probe may be nil.
func (s *Scope) claim(t Target, probe *func(context.Context) error) *method {
	s.group.mu.Lock()
	defer s.group.mu.Unlock()
	st := s.seat(t.Node)
	n := st.node
	n.mu.Lock()
	defer n.mu.Unlock()
	m := st.memberOf(t.Identity, true)
	if probe != nil {
		m.bring(*probe)
	}
	return m.methodOf(t.judged())
}

// member returns a node's member, known or new, without saying that calls will
// come.
func (s *Scope) member(id muxpool.Node, who muxpool.Identity) *member {
	s.group.mu.Lock()
	defer s.group.mu.Unlock()
	return s.memberLocked(id, who)
}

// memberLocked is member with the group's mu held.
func (s *Scope) memberLocked(id muxpool.Node, who muxpool.Identity) *member {
	st := s.seat(id)
	st.node.mu.Lock()
	defer st.node.mu.Unlock()
	return st.memberOf(who, false)
}

// seat returns a node's seat, known or new. The group's mu is held.
func (s *Scope) seat(id muxpool.Node) *seat {
	g := s.group
	if s.forgotten { // a place apart, where nothing is judged
		return &seat{node: &node{group: g, id: id, ended: true}, scope: s, set: s.settingsOf(id)}
	}
	n := g.find(id)
	if n == nil {
		n = &node{group: g, id: id, ended: g.closed}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	st := n.seatOf(s)
	if st == nil {
		st = &seat{node: n, scope: s, set: s.settingsOf(id)}
		n.seats = append(n.seats, st)
	}
	if !n.ended {
		s.seats[st] = struct{}{}
		if _, known := g.nodes.LoadOrStore(id, n); !known {
			n.startForgetting()
		}
	}
	return st
}

// settingsOf returns the settings for a node of the service. The group's mu is
// held.
func (s *Scope) settingsOf(id muxpool.Node) *settings {
	own := s.group.own[id]
	if len(own) == 0 {
		return s.set
	}
	set, err := s.base.forNode(own)
	if err != nil {
		panic("BUG: settings that were accepted before: " + err.Error())
	}
	return set
}
