package breaker

import (
	"slices"
	"sync"

	"github.com/muxkit/muxkit/muxpool"
)

// UseScope is Scope for who will not need the service for ever: when every release of its
// uses was called, the group forgets the service, with all that was learned about its
// nodes there, and the nodes that no other service has. One that Scope has returned is not
// forgotten. release it when no call is under way any more; calls that come all the same
// pass unjudged. Further releases do nothing.
func (g *Group) UseScope(name string, opts ...Option) (s *Scope, release func()) {
	g.mu.Lock()
	s = g.scopeLocked(name)
	s.uses++
	g.mu.Unlock()
	s.amend(opts)
	return s, sync.OnceFunc(s.unuse)
}

func (s *Scope) unuse() {
	g := s.group
	g.mu.Lock()
	defer g.mu.Unlock()
	if s.uses--; s.uses > 0 || s.kept.Load() {
		return
	}
	s.forgotten = true
	g.scopes.CompareAndDelete(s.name, s)
	s.startSweep()
	for st := range s.seats {
		delete(s.seats, st)
		st.end()
	}
}

// end takes the seat from its node. One that loses its last is forgotten, but for an
// operator's order. The group's mu is held.
func (s *seat) end() {
	n := s.node
	switch bare, forgotten := n.lose(s); {
	case forgotten:
		n.group.drop(n)
	case bare:
		n.group.scopeLocked("").memberLocked(n.id, muxpool.Identity{})
	}
}

// lose takes a seat from the node, and reports whether it has no other, and whether it is
// forgotten for that.
func (n *node) lose(s *seat) (bare, forgotten bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	s.ended = true
	for _, m := range s.members {
		m.circuits((*circuit).end)
	}
	n.seats = slices.DeleteFunc(n.seats, func(o *seat) bool { return o == s })
	n.members((*member).recount) // some may be ghosts no more
	if bare = len(n.seats) == 0 && !n.ended; bare && n.mode == Auto {
		n.gone.Store(true)
		n.ended, forgotten = true, true
		n.stopForgetting()
	}
	return bare, forgotten
}
