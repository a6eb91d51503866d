package endpoint

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-kit/kit/sd"

	"github.com/muxkit/muxkit/breaker"
	"github.com/muxkit/muxkit/muxpool"
)

// loop is the state of a Set that its goroutine owns. Callers see what it
// publishes in each method's view.
type loop struct {
	members  map[muxpool.Node]*member // those that discovery names now
	methods  []*method
	err      error       // the discovery's error: the last, or the first of a row with invalidates; nil after a good event
	deadline *time.Timer // runs while errors may invalidate the nodes; else nil
}

// method is one endpoint of a Set, and the Endpointer of its Balancer.
type method struct {
	name  string
	cfg   config
	build builder
	nodes map[*member]*NodeEndpoint // owned by the loop; nil for a node that could not be built
	view  atomic.Pointer[view]
}

// view is what callers may choose from. It does not change once published.
type view struct {
	nodes []*NodeEndpoint
	err   error // why there are none
}

// NodeEndpoints implements Endpointer.
func (m *method) NodeEndpoints() ([]*NodeEndpoint, error) {
	v := m.view.Load()
	return v.nodes, v.err
}

// publish shows nodes to callers; err is why, if there are none.
func (m *method) publish(nodes []*NodeEndpoint, err error) {
	if len(nodes) > 0 {
		err = nil
	}
	m.view.Store(&view{nodes, err})
}

// apply follows an event of the discovery.
func (s *Set) apply(ev sd.Event) {
	if ev.Err != nil {
		s.discoveryFailed(ev.Err)
		return
	}
	s.err = nil
	s.stopDeadline()
	s.follow(s.parse(ev.Instances))
}

func (s *Set) discoveryFailed(err error) {
	s.logger.Log("msg", "service discovery failed", "nodes kept", len(s.members), "err", shown(err.Error(), maxText))
	if s.err == nil || !s.cfg.invalidates {
		s.err = err
	}
	if len(s.members) == 0 {
		s.follow(nil) // callers learn of the error
		return
	}
	if s.cfg.invalidates && s.deadline == nil {
		s.deadline = time.NewTimer(s.cfg.invalidateAfter)
	}
}

// invalidate drops all nodes: the discovery has failed for too long.
func (s *Set) invalidate() {
	s.stopDeadline()
	s.logger.Log("msg", "service discovery failed for too long: its nodes are dropped", "nodes", len(s.members))
	s.follow(nil)
}

func (s *Set) stopDeadline() {
	if s.deadline != nil {
		s.deadline.Stop()
		s.deadline = nil
	}
}

// parse makes nodes of instances. Two that name the same node count once; what
// names none is logged and left out.
func (s *Set) parse(instances []string) map[muxpool.Node]bool {
	nodes := make(map[muxpool.Node]bool, len(instances))
	for _, instance := range instances {
		node, err := s.cfg.parseNode(instance)
		if err != nil {
			s.logger.Log("msg", "an instance is left out", "instance", shown(instance, maxText), "err", shown(err.Error(), maxText))
			continue
		}
		nodes[node] = true
	}
	return nodes
}

// follow makes nodes the Set's. Callers see the new view before a dropped node
// refuses them, so that they find another one.
func (s *Set) follow(nodes map[muxpool.Node]bool) {
	var dropped []*member
	for node, m := range s.members {
		if !nodes[node] {
			dropped = append(dropped, m)
			delete(s.members, node)
		}
	}
	for node := range nodes {
		if s.members[node] == nil {
			s.members[node] = s.newMember(node)
		}
	}
	for _, m := range s.methods {
		s.refresh(m, &NoNodesError{Cause: s.err})
	}
	for _, m := range dropped {
		m.calls.shut()
	}
}

// newMember takes node into use: its breaker is held until the node was dropped
// and its last call has returned.
func (s *Set) newMember(node muxpool.Node) *member {
	m := newMember(node)
	release := s.cfg.hold(node)
	s.nodes.enter()
	m.calls.empty = func() {
		for _, c := range m.closers {
			if err := c.Close(); err != nil {
				s.logger.Log("msg", "closing a client", "node", shown(node.String(), maxText), "err", shown(err.Error(), maxText))
			}
		}
		release()
		s.nodes.leave()
	}
	return m
}

func (s *Set) sorted() []*member {
	return slices.SortedFunc(maps.Values(s.members), func(a, b *member) int {
		return strings.Compare(a.node.String(), b.node.String())
	})
}

// whyOpen is why the Set's breakers let no method call the node: what one of its guards says
// that is not about a method.
func (s *Set) whyOpen(node *member) error {
	for _, m := range s.methods {
		e := m.nodes[node]
		if e == nil || e.guard == nil || m.cfg.scope != s.cfg.scope {
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

// refresh builds what the method lacks, and publishes its nodes; err is told if
// there are none.
func (s *Set) refresh(m *method, err error) {
	maps.DeleteFunc(m.nodes, func(old *member, _ *NodeEndpoint) bool { return s.members[old.node] != old })
	nodes := make([]*NodeEndpoint, 0, len(s.members))
	for _, node := range s.sorted() {
		e, built := m.nodes[node]
		if !built {
			e = s.buildNode(m, node)
			m.nodes[node] = e
		}
		if e != nil {
			nodes = append(nodes, e)
		}
	}
	m.publish(nodes, err)
}

// buildNode returns nil if the user's functions cannot build it.
func (s *Set) buildNode(m *method, node *member) *NodeEndpoint {
	e, closer, err := m.cfg.build(m.name, node, m.build)
	if err != nil {
		s.logger.Log("msg", "a node is left out", "method", shown(m.name, maxText), "err", shown(err.Error(), maxText))
		return nil
	}
	if closer != nil {
		node.closers = append(node.closers, closer)
	}
	if m.cfg.scope != s.cfg.scope { // the method's own
		node.closers = append(node.closers, release(m.cfg.hold(node.node)))
	}
	return e
}

func (s *Set) addMethod(m *method) {
	s.methods = append(s.methods, m)
	s.refresh(m, &NoNodesError{Cause: s.err})
}

// end closes the Set.
func (s *Set) end() {
	s.stopDeadline()
	for _, m := range s.methods {
		m.publish(nil, ErrSetClosed)
	}
	for _, m := range s.members {
		m.calls.shut()
	}
	s.nodes.shut()
}
