package endpoint

import (
	"math/rand/v2"
	"slices"

	"github.com/muxkit/muxkit/breaker"
)

// index is which nodes of a list take calls. It does not change once it was stored; a
// Balancer makes a new one when discovery has another list, or a breaker may say something
// else, so that a choice looks at as many nodes as it needs, however many are open.
type index struct {
	list    []*NodeEndpoint // which it is of
	all     []candidate     // one for each of list
	ready   []candidate     // those of all that are not drained, and whose breaker takes calls
	near    part            // the first of ready: those of the own zone, or all if zones do not matter
	far     part            // the others
	zone    *crossing       // how many calls go to far; nil: none, it is empty
	trials  []candidate     // those of ready that a call would try out; nil: none
	changes uint64          // the scope's number, read before the breakers were asked
}

// part is some nodes that take calls, one of which is chosen.
type part struct {
	ready []candidate
	sums  []int64 // of the shares that discovery gives to those of ready, up to and with each; nil: all are equal
}

// candidate is a node, and what guards it.
type candidate struct {
	*NodeEndpoint
	guard  guard // nil: none
	spared int64 // until when, on the weight's clock, only calls try the node that can be repeated; 0: it is not tried out
}

func (c *candidate) isReady() bool { return !c.isDrained() && (c.guard == nil || c.guard.Ready()) }

// of reports whether x is of that list, which is not empty: lists do not change.
func (x *index) of(list []*NodeEndpoint) bool {
	return x != nil && len(x.list) == len(list) && &x.list[0] == &list[0]
}

// look returns the index of a list that is not empty, and whether it is fresh: while one
// caller makes a new one, others use that of before, and ask whom they choose again.
func (b *Balancer) look(list []*NodeEndpoint) (x *index, fresh bool) {
	old, changes := b.index.Load(), b.changes()
	known := old.of(list)
	if known && old.changes == changes {
		return old, true
	}
	if !b.indexing.TryLock() {
		if known {
			return old, false
		}
		return b.newIndex(list, old, changes), true
	}
	defer b.indexing.Unlock()
	x = b.newIndex(list, old, changes)
	b.index.Store(x)
	if m, ok := b.source.(*method); ok {
		m.set.reviewSoon()
	}
	return x, true
}

func (b *Balancer) changes() uint64 {
	if b.cfg.scope == nil {
		return 0
	}
	return b.cfg.scope.Changes()
}

// newIndex makes the index of a list. Of the old one, which may be nil, it keeps the guards.
func (b *Balancer) newIndex(list []*NodeEndpoint, old *index, changes uint64) *index {
	x := &index{list: list, changes: changes}
	if old.of(list) {
		x.all = old.all
	} else {
		x.all = make([]candidate, len(list))
		for i, e := range list {
			if old != nil && i < len(old.all) && old.all[i].NodeEndpoint == e {
				x.all[i] = old.all[i] // as from an Endpointer that makes a slice for each choice
				continue
			}
			x.all[i] = candidate{NodeEndpoint: e, guard: b.guardOf(e)}
		}
	}
	if b.cfg.scope == nil && !slices.ContainsFunc(x.all, func(c candidate) bool { return c.isDrained() }) {
		x.ready = x.all
		b.divide(x)
		return x
	}
	x.ready = make([]candidate, 0, len(x.all))
	for i := range x.all {
		c := x.all[i]
		if !c.isReady() {
			continue
		}
		b.cfg.returned(&c)
		if c.spare(); c.spared != 0 {
			x.trials = append(x.trials, c)
		}
		x.ready = append(x.ready, c)
	}
	b.divide(x)
	return x
}

// partOf is a part of these nodes.
func partOf(ready []candidate) (p part) {
	p.ready = ready
	equal, sum := true, int64(0)
	for i := range ready {
		equal = equal && ready[i].member.weight.givenShare() == ready[0].member.weight.givenShare()
	}
	if equal {
		return p
	}
	p.sums = make([]int64, len(ready))
	for i := range ready {
		sum += ready[i].member.weight.givenShare()
		p.sums[i] = sum
	}
	return p
}

// two draws two different nodes of several that are ready, each by what discovery gives it.
func (p *part) two() (i, j int) {
	n := len(p.ready)
	if p.sums == nil {
		i, j = rand.IntN(n), rand.IntN(n-1)
	} else if i, j = p.draw(), p.draw(); i != j {
		return i, j
	} else {
		j = rand.IntN(n - 1)
	}
	if j >= i {
		j++
	}
	return i, j
}

func (p *part) draw() int {
	i, _ := slices.BinarySearch(p.sums, 1+rand.Int64N(p.sums[len(p.sums)-1]))
	return i
}

// guardOf is the guard that e's calls pass, or that of its node where that is not known.
func (b *Balancer) guardOf(e *NodeEndpoint) guard {
	switch {
	case b.cfg.scope == nil:
		return nil
	case e.guard != nil && e.scope == b.cfg.scope:
		return e.guard
	}
	return b.cfg.scope.Guard(breaker.Target{Node: e.member.node})
}
