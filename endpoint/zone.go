package endpoint

import (
	"math/rand/v2"
	"sync/atomic"
)

// WithZone says in which zone this process runs, as the Instancer names zones (Instance.Zone), and
// has a Set prefer the nodes of that zone. All calls stay there as long as the zone has five
// sevenths of what it would have with all of its nodes well, each counted by its effective
// weight: nodes that are out or drained count nothing, those that are overloaded or begin slowly
// what they have left. Below that a part of the calls goes to the other zones: half of them when
// five fourteenths are left, all when nothing is. So a zone is taken to have two fifths more than
// it needs. MethodStatus tells the part that stays.
//
// It refuses nothing: calls whose part has no node left go to the other. With no node of that zone, and
// without other zones, all is as without it. Default, for "": zones do not matter. A Set takes it; its Instancer must
// be one that tells zones. Calls with a key (CallKey) keep to their zone alike, but go by who takes calls,
// and not by weights.
func WithZone(zone string) Option {
	return func(c *config) { c.zone = zone }
}

func (c *config) isNear(told Instance) bool { return c.zone != "" && told.Zone == c.zone }

// crossing is how many calls leave the own zone. It belongs to an index, of which both parts have nodes.
type crossing struct {
	moves *atomic.Uint64 // counts changes of weights
	named int64          // what discovery gives to the nodes of the zone, those included that take no calls
	base  int64          // the part that stays, of full, if only those are lacking that take no calls
	last  atomic.Pointer[staying]
}

// staying is which part of the calls stays. It does not change.
type staying struct {
	part  int64  // of full
	moves uint64 // it holds until there are others
	until int64  // and, if it is not 0, until then, on the clock of the first node of near: some weights go on changing with time
}

// suffices is how much of its zone must be there for all calls to stay: full * part/whole.
func suffices(there, named int64) int64 {
	return min(full, there*full/max(named, 1)*7/5)
}

// divide makes the parts of an index, whose ready and all are made.
func (b *Balancer) divide(x *index) {
	m, ofSet := b.source.(*method)
	if b.cfg.zone == "" || !ofSet {
		x.near = partOf(x.ready)
		return
	}
	near, far := make([]candidate, 0, len(x.ready)), []candidate(nil)
	for _, c := range x.ready {
		if c.member.near.Load() {
			near = append(near, c)
		} else {
			far = append(far, c)
		}
	}
	if len(near) == 0 || len(far) == 0 {
		x.near = partOf(x.ready)
		return
	}
	x.ready = append(near, far...)
	x.near, x.far = partOf(x.ready[:len(near)]), partOf(x.ready[len(near):])
	z := &crossing{moves: &m.set.moves}
	for i := range x.all {
		if c := &x.all[i]; c.member.near.Load() {
			z.named += c.member.weight.givenShare()
		}
	}
	there := int64(0)
	for i := range x.near.ready {
		there += x.near.ready[i].member.weight.givenShare()
	}
	z.base = suffices(there, z.named)
	z.last.Store(z.count(x.near.ready))
	x.zone = z
}

// from is the part in which a call looks for a node first.
func (x *index) from(key affinity) *part {
	if x.zone == nil || x.zone.stays(x.near.ready, key) {
		return &x.near
	}
	return &x.far
}

// besides is the other part.
func (x *index) besides(from *part) *part {
	if from == &x.near {
		return &x.far
	}
	return &x.near
}

func (z *crossing) stays(near []candidate, key affinity) bool {
	if key != 0 { // always the same ones go, and more of them the less is left
		return int64(key.mix()%full) < z.base
	}
	part := z.now(near)
	return part == full || rand.Int64N(full) < part
}

// now is the part that stays now.
func (z *crossing) now(near []candidate) int64 {
	s := z.last.Load()
	if s.moves == z.moves.Load() && (s.until == 0 || near[0].member.weight.now() < s.until) {
		return s.part
	}
	next := z.count(near)
	z.last.CompareAndSwap(s, next) // who loses has company
	return next.part
}

func (z *crossing) count(near []candidate) *staying {
	s := &staying{moves: z.moves.Load()}
	there, whole := int64(0), true
	for i := range near {
		w := &near[i].member.weight
		share := w.share() // once: that nothing is lacking any more moves does not tell
		there += share
		whole = whole && share == w.givenShare()
	}
	if s.part = suffices(there, z.named); !whole {
		s.until = near[0].member.weight.now() + int64(loadPeriod.Milliseconds())
	}
	return s
}

// inZone is the part of the method's calls that goes to the own zone: of those that come now, though none may have come
// since something changed.
func (m *method) inZone() float64 {
	b, list := m.retry.nodes, m.view.Load().nodes
	if m.cfg.zone == "" || len(list) == 0 {
		return 1
	}
	x := b.index.Load()
	if changes := b.changes(); !x.of(list) || x.changes != changes {
		x = b.newIndex(list, x, changes) // as the next call does
	}
	switch {
	case x.zone != nil:
		return float64(x.zone.now(x.near.ready)) / full
	case len(x.ready) == 0 || x.ready[0].member.near.Load():
		return 1
	}
	return 0
}
