package endpoint

import (
	"crypto/rand"
	"slices"
	"time"

	"github.com/muxkit/muxkit/muxpool"
)

// WithSubset has a Set hold size of the nodes that discovery names, and no others: it makes Clients for
// these, and connects to them alone. Which, client decides: with clients numbered from 0 on, each
// with a number of its own, all nodes have equally many of them, or differ by one, among
// clients that knew the same nodes when they began. A node that leaves is
// replaced for the clients that held it, and nothing else changes; a node that comes
// takes the place of another for its share of the clients. A replica's ordinal is such a number, as of a
// StatefulSet's pods. Clients without numbers take WithHashedSubset.
//
// For each node of the subset that takes no calls, or is drained, another stands in, until it
// is back: it is found as soon as a call notices, at most once a second, and replaced if it takes no calls
// either. So no more than twice size are held, and a client whose nodes are all out goes through
// those that discovery names until it finds some that are well.
//
// With WithZone the subset is of the own zone, as far as that has size nodes; number the clients of each zone
// from 0 on. On top of them a Set holds a quarter of size in other zones, for calls that go there, and as
// many as lack in its own.
//
// Default, for a size of 0: all nodes. A Set takes it.
func WithSubset(size, client int) Option {
	return func(c *config) {
		if size < 0 || client < 0 {
			c.reject("WithSubset(%d, %d) is negative", size, client)
			return
		}
		c.subset = subsetOf{size: size}
		c.subset.who.number = client
	}
}

// WithHashedSubset is WithSubset for clients that have no number: which nodes the client holds is
// decided by its id, and differs between ids by chance. So the number of a node's clients does: where it is
// 4 in the mean some have none, and some 11 (docs/discovery.md has a table). Take a larger size then. Default, for
// "": an id by chance, so that each Set holds others.
func WithHashedSubset(size int, id string) Option {
	return func(c *config) {
		if size < 0 {
			c.reject("WithHashedSubset(%d) is negative", size)
			return
		}
		if id == "" {
			id = rand.Text()
		}
		c.subset = subsetOf{size: size}
		c.subset.who.id = affinityOf(id)
	}
}

// subsetOf is what the options say.
type subsetOf struct {
	size int // 0: all
	who  client
}

// reserve is how many nodes of other zones are held at least.
func (o subsetOf) reserve() int { return (o.size + 3) / 4 }

// subset is which of the nodes that discovery names a Set holds. It is guarded by the Set's mutex.
type subset struct {
	near, far ring // of the own zone, and of others; without zones all are near
	changed   bool // discovery names others than ordered are

	ordered  []*instance // the nodes that discovery names, each once, as the client wants them
	home     int         // how many of them are the subset: the first ones
	standIns []*instance // of those behind them
	next     int         // where in ordered the next one is looked for

	reviewed time.Time // when the last review was that changed something
	timer    *time.Timer
}

// reviewInterval is the least time between two changes of who stands in.
const reviewInterval = time.Second

// choose returns the instances of the list that are to be members; mu is held.
func (s *Set) choose() []*instance {
	switch {
	case s.cfg.subset.size == 0:
		return s.list
	case !slices.ContainsFunc(s.list, (*instance).isNode):
		return nil
	case s.subset.changed:
		s.subset.changed = false
		s.arrange(nodesOf(s.list))
	}
	return s.chosen()
}

func (in *instance) isNode() bool { return in.err == nil && in.node != (muxpool.Node{}) }

// chosen is the subset, and who stands in; mu is held.
func (s *Set) chosen() []*instance {
	x := &s.subset
	return append(x.ordered[:x.home:x.home], x.standIns...)
}

// nodesOf are the instances that are nodes: of each node the first.
func nodesOf(list []*instance) (all []*instance) {
	seen := make(map[muxpool.Node]struct{}, len(list))
	for _, in := range list {
		if !in.isNode() {
			continue
		}
		key := fold(in.node)
		if _, twice := seen[key]; twice {
			continue
		}
		seen[key] = struct{}{}
		if in.affinity == 0 {
			in.affinity = affinityOf(key.String())
		}
		all = append(all, in)
	}
	return all
}

// arrange makes the order of the nodes that there are, and finds stand-ins anew. mu is held.
func (s *Set) arrange(all []*instance) {
	x, of := &s.subset, s.cfg.subset
	near, far := all, []*instance(nil)
	if s.cfg.zone != "" {
		near = nil
		for _, in := range all {
			if s.cfg.isNear(in.told) {
				near = append(near, in)
			} else {
				far = append(far, in)
			}
		}
	}
	x.near.order(near, of.size, of.who)
	here, there := min(of.size, len(near)), 0
	if s.cfg.zone != "" {
		x.far.order(far, of.reserve(), of.who)
		there = min(max(of.size-here, of.reserve()), len(far))
	}
	x.ordered = slices.Concat(near[:here], far[:there], near[here:], far[there:])
	x.home, x.next, x.standIns = here+there, here+there, nil
	s.standIn()
}

// standIn finds nodes for those of the subset that take no calls, and lets go whose time is over. It reports whether
// that changes who is held. mu is held.
func (s *Set) standIn() (changed bool) {
	x := &s.subset
	lacking, rest := 0, x.ordered[x.home:]
	for _, in := range x.ordered[:x.home] {
		if s.isOut(in) {
			lacking++
		}
	}
	var well, out []*instance
	for _, in := range x.standIns {
		if s.isOut(in) {
			out = append(out, in)
		} else {
			well = append(well, in)
		}
	}
	well = well[:min(len(well), lacking)]
	for range rest {
		if len(well) == lacking {
			break
		}
		if x.next >= len(x.ordered) {
			x.next = x.home
		}
		if in := x.ordered[x.next]; !slices.Contains(x.standIns, in) {
			well = append(well, in)
		}
		x.next++
	}
	well = append(well, out[:min(len(out), lacking-len(well))]...) // there are no others
	if lacking == 0 {
		x.next = x.home
	}
	changed = !slices.Equal(well, x.standIns)
	x.standIns = well
	return changed
}

// isOut reports whether a node that is held takes no calls, of any method, or has not shown since that it
// does; mu is held.
func (s *Set) isOut(in *instance) bool {
	m := in.member
	in.out = m != nil && !m.gone && (m.drain.Load() != nil || s.whyOpen(m, s.methods) != nil || s.fails(m) || in.out && s.onTrial(m))
	return in.out
}

// fails reports whether a method has no endpoint on the node, as none could be made; mu is held.
func (s *Set) fails(m *member) bool {
	for b := range s.failing {
		if b.on == m {
			return true
		}
	}
	return false
}

// onTrial reports whether the next call to the node would try it out; mu is held.
func (s *Set) onTrial(m *member) bool {
	for _, method := range s.methods {
		e, ok := find(method.view.Load().nodes, (*NodeEndpoint).itsMember, m)
		if !ok {
			continue
		}
		if g, tells := e.guard.(interface{ Trying() time.Time }); tells && !g.Trying().IsZero() {
			return true
		}
	}
	return false
}

// reviewSoon is for who notices that a node may take calls now, or none. It never waits, and may be called
// often.
func (s *Set) reviewSoon() {
	if s.cfg.subset.size > 0 && s.reviewing.CompareAndSwap(false, true) {
		s.lane.push(s.review)
	}
}

// review looks for nodes that stand in, and lets go those whose time is over.
func (s *Set) review() {
	s.mu.Lock()
	defer s.mu.Unlock()
	x := &s.subset
	if s.closed {
		return
	}
	if early := reviewInterval - time.Since(x.reviewed); early > 0 {
		x.timer = time.AfterFunc(early, func() { s.lane.push(s.review) })
		return
	}
	s.reviewing.Store(false) // what is noticed from now on is seen with the next one
	if !s.standIn() {
		return
	}
	x.reviewed = time.Now()
	s.log("msg", "nodes stand in for those of the subset that take no calls", "nodes", x.home, "stand_ins", len(x.standIns))
	s.turnOver(s.match(s.chosen()))
}
