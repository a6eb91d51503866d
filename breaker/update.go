package breaker

import (
	"errors"
	"fmt"
	"time"

	"github.com/muxkit/muxkit/muxpool"
)

// Update puts opts on top of the settings of every service, at once and for every
// node. No node changes its state for it, what was counted is kept, and probes
// under way go on; only a new Interval of WithGobreaker waits for the next closed
// period. If an option is invalid, nothing changes.
func (g *Group) Update(opts ...Option) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	base, err := g.base.apply(opts)
	if err != nil {
		return err
	}
	var all []*Scope
	for s := range g.allScopes {
		all = append(all, s)
	}
	if err := g.update(all, withoutGroups(opts)); err != nil {
		return err
	}
	for _, l := range base.listeners {
		g.notices.subscribe(l)
	}
	base.listeners = nil
	if base.panicListener != nil {
		g.panics.mu.Lock()
		g.panics.told = base.panicListener
		g.panics.mu.Unlock()
	}
	g.base = base
	return nil
}

// withoutGroups are opts for a service: what they say to the group has no effect.
func withoutGroups(opts []Option) []Option {
	return append(append([]Option(nil), opts...), func(s *settings) { s.groupOnly, s.listeners = nil, nil })
}

// update puts opts on top of the settings of some services, if all of them can have
// them. mu is held.
func (g *Group) update(scopes []*Scope, opts []Option) error {
	bases := make([]settings, len(scopes))
	var errs []error
	for i, s := range scopes {
		base, err := s.base.apply(opts)
		if len(base.groupOnly) > 0 {
			base.reject("%s is for a group, not for one service", base.groupOnly[0])
			err = errors.Join(base.invalid...)
		}
		for id, own := range g.own {
			_, e := base.forNode(own)
			err = errors.Join(err, wrapNode(id, e))
		}
		bases[i] = base
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	for i, s := range scopes {
		s.base = bases[i]
		s.configure()
		for st := range s.seats {
			st.configure(s.settingsOf(st.node.id))
		}
	}
	return nil
}

// UpdateNode gives a node options of its own, on top of its service's and in the
// place of those that an earlier UpdateNode gave it, at once and without losing
// its state. Without opts the node has the service's again. They are remembered
// while the group lives, whether the node is known or not.
func (g *Group) UpdateNode(id muxpool.Node, opts ...Option) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	for s := range g.allScopes {
		if _, err := s.base.forNode(opts); err != nil {
			return wrapNode(id, err)
		}
	}
	g.own[id] = append([]Option(nil), opts...)
	if len(opts) == 0 {
		delete(g.own, id)
	}
	if n := g.find(id); n != nil {
		for _, st := range n.seats {
			st.configure(st.scope.settingsOf(id))
		}
	}
	return nil
}

// configure puts new settings in force.
func (s *seat) configure(set *settings) {
	s.node.mu.Lock()
	defer s.node.mu.Unlock()
	s.set = set
	now := time.Now()
	for _, m := range s.members {
		m.circuits(func(c *circuit) { c.configure(now) })
	}
}

func wrapNode(id muxpool.Node, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("node %s: %w", id, err)
}
