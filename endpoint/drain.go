package endpoint

import (
	"cmp"
	"errors"
	"slices"
	"time"

	"github.com/muxkit/muxkit/breaker"
	"github.com/muxkit/muxkit/muxpool"
)

// Drain is an operator's order that a node gets no new calls.
type Drain struct {
	Node  muxpool.Node
	Since time.Time
	Cause error // as given; may be nil
	Named bool  // discovery names the node, or named it last; else the order waits for it
}

// ErrNoSuchNode: the Set has no node of that name.
var ErrNoSuchNode = errors.New("muxendpoint: no such node")

// Drain has calls that begin from now on go to other nodes; those that are on the node end as
// they would, and NodeStatus.InFlight tells how many are left. Its connections stay as long as the
// pool keeps them, its breaker is not touched. It is by name: a node that discovery drops and
// names again is drained still, until Undrain, or the end of the Set. cause, which may be nil,
// says why, and is in the errors of calls that find no other node: they wait as for one whose
// breaker is open (see WithWait). A node that the Set does not have is ErrNoSuchNode; to
// drain a node again changes nothing, and the last one is drained as any other.
func (s *Set) Drain(node muxpool.Node, cause error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := fold(node)
	m := s.members[key]
	if m == nil {
		return ErrNoSuchNode
	}
	if s.drains[key] == nil {
		s.drains[key] = &Drain{Node: m.node, Since: time.Now(), Cause: cause, Named: true}
		s.follows(m, s.drains[key])
	}
	return nil
}

// Undrain ends Drain. The node comes back as one whose breaker closes: see WithSlowStart. A node
// that is not drained is ErrNoSuchNode.
func (s *Set) Undrain(node muxpool.Node) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := fold(node)
	if s.drains[key] == nil {
		return ErrNoSuchNode
	}
	delete(s.drains, key)
	if m := s.members[key]; m != nil {
		s.cfg.start(m, time.Now())
		s.follows(m, nil)
	}
	return nil
}

// follows has a member go by an order, nil for none, and callers see it. mu is held.
func (s *Set) follows(m *member, order *Drain) {
	m.drain.Store(order)
	s.reviewSoon()
	for _, method := range s.methods {
		s.publish(method, nil) // a new list, of which a new index is made
	}
}

// allDrains lists the orders; mu is held.
func (s *Set) allDrains() (all []Drain) {
	for key, d := range s.drains {
		told := *d
		told.Named = s.members[key] != nil
		all = append(all, told)
	}
	slices.SortFunc(all, func(a, b Drain) int { return cmp.Compare(a.Node.String(), b.Node.String()) })
	return all
}

// isDrained reports whether an operator wants no calls on the node.
func (c *candidate) isDrained() bool { return c.member.drain.Load() != nil }

// check is why the node takes no call; nil if it does.
func (c *candidate) check() error {
	if d := c.member.drain.Load(); d != nil {
		return &breaker.OpenError{Node: c.member.node, Reason: breaker.ReasonDrained, Cause: d.Cause}
	}
	if c.guard != nil {
		return c.guard.Check()
	}
	return nil
}
