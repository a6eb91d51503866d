package endpoint

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"

	"github.com/muxkit/muxkit/breaker"
)

// method is one endpoint of a Set, and the Endpointer of its Balancer.
type method struct {
	set     *Set
	name    string
	cfg     config
	opts    []Option // its own
	build   builder
	retry   *retrying
	minute  minute
	view    atomic.Pointer[view] // stored under the Set's mutex
	changed bell                 // rings when view does

	// slow is set when the user's functions take too long for it: until they have all
	// returned, they are called beside the lane.
	slow atomic.Bool

	// Guarded by the Set's mutex.
	builds int             // calls of the user's functions that have not returned
	ready  []*NodeEndpoint // built, not shown yet
	failed *building       // the last that could not be built; nil if there was none
}

// view is what callers may choose from. It does not change once published.
type view struct {
	nodes []*NodeEndpoint // in the order of their text
	err   error           // why there are none
}

// NodeEndpoints implements Endpointer.
func (m *method) NodeEndpoints() ([]*NodeEndpoint, error) {
	v := m.view.Load()
	if len(v.nodes) == 0 {
		m.set.askAgain()
	}
	return v.nodes, v.err
}

// askAgain is for a Balancer that finds no node that takes calls.
func (m *method) askAgain() { m.set.askAgain() }

// serve is the method's logical call.
func (m *method) serve(ctx context.Context, request any) (any, error) {
	if m.set.timing.on() {
		return m.measured(ctx, request)
	}
	return m.retry.serve(ctx, request)
}

// measured is serve while the Set measures. A function by itself, it takes no stack of calls that
// are not measured.
func (m *method) measured(ctx context.Context, request any) (any, error) {
	return m.minute.measured(ctx, &m.set.timing, func() (any, error) { return m.retry.serve(ctx, request) })
}

// publish shows callers what is ready, and not the members in gone; mu is held. It copies
// one list.
func (s *Set) publish(m *method, gone []*member) {
	ready := slices.DeleteFunc(m.ready, func(e *NodeEndpoint) bool { return e.member.gone })
	m.ready = nil
	slices.SortFunc(ready, func(a, b *NodeEndpoint) int { return byText(a.member, b.member) })
	v := &view{}
	if old := m.view.Load(); old != nil && !s.closed {
		v.nodes = splice(old.nodes, (*NodeEndpoint).itsMember, gone, ready)
	}
	if len(v.nodes) == 0 {
		v.nodes, v.err = nil, s.whyNone(m)
	}
	m.view.Store(v)
	m.changed.ring()
}

// whyNone is why m has no nodes; mu is held.
func (s *Set) whyNone(m *method) error {
	switch {
	case s.closed:
		return ErrSetClosed
	case len(s.order) > 0:
		return &NoNodesError{Cause: s.whyNotBuilt(m)}
	case s.err != nil:
		return &NoNodesError{Cause: s.err}
	}
	return &NoNodesError{Cause: s.bad, bad: s.bad != nil}
}

// addMethod takes m into use; unbind lets its services among the breakers go.
func (s *Set) addMethod(m *method, unbind func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.publish(m, nil)
	if s.closed {
		unbind()
		return
	}
	s.unbind = append(s.unbind, unbind)
	s.configure(m) // there may have been an Update meanwhile
	s.methods = append(s.methods, m)
	s.change(nil, s.order, s.methods[len(s.methods)-1:])
}

// whyOpen is why the Set's breakers let no method call the node: what one of its guards says
// that is not about a method.
func (s *Set) whyOpen(n *member, methods []*method) error {
	for _, m := range methods {
		e, ok := find(m.view.Load().nodes, (*NodeEndpoint).itsMember, n)
		if !ok || e.guard == nil || m.cfg.scope != s.cfg.scope {
			continue
		}
		err := e.guard.Check()
		if open := (*breaker.OpenError)(nil); errors.As(err, &open) && open.Method != "" {
			continue
		}
		if err != nil {
			return err
		}
	}
	return nil
}
