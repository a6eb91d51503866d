package breaker

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/muxkit/muxkit/muxpool"
)

// node is all that a group knows of one address: what the pool says of its
// connections, what its operator has ordered, and its circuits in each service.
type node struct {
	group *Group
	id    muxpool.Node
	used  atomic.Bool            // a call came since the last look
	gone  atomic.Bool            // forgotten: ask the group again
	plain atomic.Pointer[member] // of the group itself, without an identity; may be nil

	// mu guards what is below, and all that its circuits say they guard by it. It
	// is taken after the group's mu. Under it no user's function is called and
	// nothing waits; censuses, notices and judges are locked under it.
	mu      sync.Mutex
	mode    Mode
	forced  error     // the cause that ForceOpen was given
	ordered time.Time // since when mode is another than Auto; zero: it is Auto
	links   links
	seats   []*seat
	forget  *time.Timer // runs while nobody holds the node
	ended   bool        // the group was closed, or the node forgotten
}

// seat is a node in a service. The node's mu guards what is not fixed.
type seat struct {
	node    *node
	scope   *Scope
	set     *settings
	holds   int
	held    bool // it was held at least once
	ended   bool // the service was forgotten
	members []*member
}

// member is a seat under one identity: what calls of that identity are judged by.
type member struct {
	seat     *seat
	node     *node
	identity muxpool.Identity
	circuit  *circuit    // the node's
	several  atomic.Bool // it has several methods with names
	suspect  atomic.Bool // links.suspect for the identity
	told     atomic.Bool // links.known for the identity
	silence  silence
	tally    tally

	// The node's mu guards what is below.
	claimed bool                        // it has a Guard or a Middleware
	answers bool                        // and one whose calls have answers
	probe   func(context.Context) error // of the Guard that brought one last; nil: none
	methods []*method
}

// method is one method of a member.
type method struct {
	group   *Group
	node    *node
	member  *member
	name    string
	circuit *circuit // nil for the one without a name: its failures are the node's
	usual   usual

	// While it is one of several:
	answers atomic.Uint64 // calls that the node has answered, and is not to blame
	silence silence       // since the last of them
}

// lives returns a number that grows whenever a call shows that the node is alive.
func (m *member) lives() uint64 { return m.tally.outcomes[Success].Load() + m.tally.alive.Load() }

// alive takes a call that the node has answered as it should, at a time on the
// group's clock.
func (m *member) alive(now int64) {
	m.circuit.succeeded(now)
	if m.suspect.Load() {
		m.node.vouch(m.identity)
	}
}

// circuits calls do for the node's circuit and then for each method's. mu is held.
func (m *member) circuits(do func(*circuit)) {
	do(m.circuit)
	for _, x := range m.methods {
		if x.circuit != nil {
			do(x.circuit)
		}
	}
}

func (n *node) members(do func(*member)) {
	for _, s := range n.seats {
		for _, m := range s.members {
			do(m)
		}
	}
}

// ghost reports whether m is no more than what an event or an order has made,
// while others make calls: then they tell how the node is. mu is held.
func (m *member) ghost() bool {
	others := false
	if !m.claimed {
		m.node.members(func(o *member) { others = others || o.claimed })
	}
	return others
}

// oneWay reports whether all calls that are made there have no answers: none of them can
// prove anything. mu is held.
func (m *member) oneWay() bool { return m.claimed && !m.answers }

// live reports whether the member is one that calls may be meant for. mu is held.
func (m *member) live() bool {
	if m.circuit.ended() || m.ghost() {
		return false
	}
	return m.seat.holds > 0 || m.claimed && !m.seat.held
}

// recount tells the census how the member's circuits count, a method being out with
// its node, and the service's balancers that something may have changed. mu is
// held.
func (m *member) recount() {
	live, out := m.live(), m.circuit.gate.Load().state != Closed
	m.circuits(func(c *circuit) {
		c.scope().census.count(c, counted{live: live, out: out || c.gate.Load().state != Closed})
	})
	m.seat.scope.changes.Add(1)
}

// bring takes a target's probe into use. mu is held.
func (m *member) bring(probe func(context.Context) error) {
	first := m.probe == nil
	if m.probe = probe; first && m.circuit.state == Open {
		m.circuit.publish(time.Now(), ReasonNone, nil)
	}
}

// methodOf returns a method, known or new. mu is held.
func (m *member) methodOf(name string) *method {
	named := 0
	for _, x := range m.methods {
		if x.name == name {
			return x
		}
		if x.name != "" {
			named++
		}
	}
	x := &method{group: m.node.group, node: m.node, member: m, name: name}
	if name != "" {
		x.circuit = newCircuit(m, name)
		m.several.Store(named > 0)
	}
	m.methods = append(m.methods, x)
	m.recount()
	return x
}

// memberOf returns the seat's member for an identity, known or new, that is claimed
// from now on, or as it was. mu is held.
func (s *seat) memberOf(id muxpool.Identity, claimed bool) *member {
	for _, m := range s.members {
		if m.identity == id {
			if claimed && !m.claimed {
				m.claimed = true
				m.circuits((*circuit).arm)        // it may have been a ghost
				s.node.members((*member).recount) // and others may be ghosts now
			}
			return m
		}
	}
	m := &member{seat: s, node: s.node, identity: id, claimed: claimed}
	m.circuit = newCircuit(m, "")
	s.members = append(s.members, m)
	if s.scope.name == "" && id == (muxpool.Identity{}) {
		s.node.plain.Store(m)
	}
	if l := s.node.links.standing(id); l != nil {
		m.circuit.latch(l.since, *l.expelled)
	}
	s.node.doubt()
	s.node.members((*member).recount)
	return m
}

// seatOf returns the node's seat in a service, nil if it has none. mu is held.
func (n *node) seatOf(s *Scope) *seat {
	for _, st := range n.seats {
		if st.scope == s {
			return st
		}
	}
	return nil
}

// end takes the node out of service: its calls pass, its timers stop.
func (n *node) end() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.ended = true
	n.stopForgetting()
	n.members(func(m *member) {
		m.circuits((*circuit).end)
		m.recount()
	})
}
