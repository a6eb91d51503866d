package endpoint

import (
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"

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
	view    atomic.Pointer[view] // stored under the Set's mutex
	changed bell                 // rings when view does

	// slow is set once the user's functions took too long for it: from then on they are
	// called beside the lane.
	slow atomic.Bool

	// Guarded by the Set's mutex.
	ready []*NodeEndpoint // built, not shown yet
	err   error           // why the last that could not be built could not; nil if there was none
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
		return &NoNodesError{Cause: m.err}
	case s.err != nil:
		return &NoNodesError{Cause: s.err}
	}
	return &NoNodesError{Cause: s.bad, bad: s.bad != nil}
}

func (s *Set) addMethod(m *method) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.publish(m, nil)
	if s.closed {
		return
	}
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

// building is the making of the endpoint of a method on a node, by functions of the user's.
// It begins once, and ends with success or when the node is dropped; in between it fails,
// waits and is tried again.
type building struct {
	set    *Set
	m      *method
	on     *member
	change *change // which waits for the first try

	// Guarded by the Set's mutex.
	busy  bool        // it is on the lane, or being tried
	tries int         // that failed
	told  string      // the last failure, which was logged
	timer *time.Timer // runs after a failure
}

// buildAgain is how long to wait before a node is tried again; drawn from its upper half.
var buildAgain = backoff{initial: 100 * time.Millisecond, limit: 30 * time.Second}

// build has m's endpoints made on nodes, for c; mu is held.
func (s *Set) build(m *method, nodes []*member, c *change) {
	for _, n := range nodes {
		b := &building{set: s, m: m, on: n, change: c, busy: true}
		s.lane.next(b.run, &m.slow)
	}
}

func (b *building) run() {
	if b.m.slow.Load() { // nobody waits for it again
		go b.try()
		return
	}
	b.try()
}

// try calls the user's functions.
func (b *building) try() {
	var e *NodeEndpoint
	var closer io.Closer
	err := errEnded
	defer func() { b.set.built(b, e, closer, err) }()
	b.set.mu.Lock()
	over := b.on.gone
	b.set.mu.Unlock()
	if over {
		return
	}
	e, closer, err = b.m.cfg.build(b.m.name, b.on, b.m.build)
}

// errEnded: a function of the user's ended its goroutine.
var errEnded = errors.New("the function did not return")

// built hears how a try ended.
func (s *Set) built(b *building, e *NodeEndpoint, closer io.Closer, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b.busy = false
	s.toClose(b.on, closer)
	switch {
	case b.on.gone:
		delete(s.failing, b)
	case err != nil:
		s.failed(b, err)
	default:
		s.succeeded(b, e)
	}
	if c := b.change; c != nil {
		b.change = nil
		if c.making--; c.making == 0 && c.waiting {
			s.endChange(c)
		}
	}
}

func (s *Set) succeeded(b *building, e *NodeEndpoint) {
	delete(s.failing, b)
	if b.m.cfg.scope != s.cfg.scope { // the method's own
		s.toClose(b.on, release(b.m.cfg.hold(b.on.node)))
	}
	if b.tries > 0 {
		s.log("msg", "a node is taken into use after all", "method", shown(b.m.name, maxText), "node", shown(b.on.text, maxText))
	}
	b.m.ready = append(b.m.ready, e)
	if b.tries > 0 || b.change.waiting { // else the change shows it
		s.publish(b.m, nil)
	}
}

// failed has b tried again later; mu is held.
func (s *Set) failed(b *building, err error) {
	b.tries++
	b.m.err = err
	if text := err.Error(); text != b.told {
		b.told = text
		s.log("msg", "a node is left out", "method", shown(b.m.name, maxText), "err", shown(text, maxText))
	}
	s.failing[b] = struct{}{}
	bound := buildAgain.bound(b.tries)
	b.timer = time.AfterFunc(bound/2+rand.N(bound/2), func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.again(b)
	})
	if len(b.m.view.Load().nodes) == 0 {
		s.publish(b.m, nil) // which tells the error
	}
}

// again has b tried now, unless it is, or is over; mu is held.
func (s *Set) again(b *building) {
	if b.busy || b.on.gone {
		return
	}
	b.busy = true
	b.timer.Stop()
	s.lane.next(b.run, &b.m.slow)
}

// askFailing tries again what has failed: discovery has named nodes anew. mu is held.
func (s *Set) askFailing() {
	for b := range s.failing {
		s.again(b)
	}
}

// forgetFailing ends the tries for members that are gone; mu is held.
func (s *Set) forgetFailing() {
	for b := range s.failing {
		if b.on.gone {
			b.timer.Stop()
			delete(s.failing, b)
		}
	}
}

// toClose has c closed with the member, now if that is over; mu is held.
func (s *Set) toClose(m *member, c io.Closer) {
	switch {
	case c == nil:
	case m.drained:
		s.close(m, c)
	default:
		m.closers = append(m.closers, c)
	}
}

// close closes what belongs to a member, on the lane.
func (s *Set) close(m *member, c io.Closer) {
	s.lane.next(func() {
		s.guard("closing a client", func() {
			if err := c.Close(); err != nil {
				s.log("msg", "closing a client", "node", shown(m.text, maxText), "err", shown(err.Error(), maxText))
			}
		})
	}, nil)
}
