package endpoint

import (
	"fmt"
	"math/rand/v2"
)

// Policy is how a Balancer chooses between the nodes that take calls.
type Policy uint8

const (
	// PowerOfTwo draws two nodes and takes the one with fewer calls in flight:
	// a slow node gets less, and nobody herds to the least loaded one. The default.
	PowerOfTwo Policy = iota
	// RoundRobin takes the nodes in turn.
	RoundRobin
	// Random takes any node with the same chance.
	Random
)

func (p Policy) String() string {
	switch p {
	case PowerOfTwo:
		return "power of two"
	case RoundRobin:
		return "round robin"
	case Random:
		return "random"
	}
	return fmt.Sprintf("policy(%d)", uint8(p))
}

// quick chooses without looking at all nodes, or returns nil when it happened
// upon nodes that are not eligible.
func (b *Balancer) quick(p *part, fresh bool, avoid tried, all bool) *NodeEndpoint {
	ready := p.ready
	if len(ready) == 0 {
		return nil
	}
	if b.cfg.policy == PowerOfTwo {
		return p.ofTwo(fresh, avoid, all)
	}
	for range maxDraws {
		var c *candidate
		if b.cfg.policy == RoundRobin {
			// A node that is passed over uses up its turn: otherwise its successor would get
			// the calls of both.
			c = &ready[(b.turn.Add(1)-1)%uint64(len(ready))]
		} else {
			c = &ready[rand.IntN(len(ready))]
		}
		if b.takes(c) && c.eligible(fresh, avoid, all) {
			return c.NodeEndpoint
		}
	}
	return nil
}

// maxDraws bounds how many nodes quick looks at.
const maxDraws = 16

// takes draws whether a node is taken in its turn: it is passed over as often as its
// weight is less than that of others.
func (b *Balancer) takes(c *candidate) bool {
	share, top := c.member.weight.share(), b.top.Load()
	if share > top {
		b.top.Store(share)
	}
	return share >= top || rand.Int64N(top) < share
}

func (p *part) ofTwo(fresh bool, avoid tried, all bool) *NodeEndpoint {
	ready := p.ready
	if len(ready) == 1 {
		if c := &ready[0]; c.eligible(fresh, avoid, all) {
			return c.NodeEndpoint
		}
		return nil
	}
	i, j := p.two()
	one, other := &ready[i], &ready[j]
	if other.member.lighter(one.member) {
		one, other = other, one
	}
	switch {
	case one.eligible(fresh, avoid, all):
		return one.NodeEndpoint
	case other.eligible(fresh, avoid, all):
		return other.NodeEndpoint
	}
	return nil
}

// lighter reports whether m has less to do than other, for what each should have.
func (m *member) lighter(other *member) bool {
	mine, theirs := int64(m.calls.inside()), int64(other.calls.inside())
	if mine == 0 && theirs == 0 {
		return m.weight.idleShare() > other.weight.idleShare()
	}
	share, otherShare := m.weight.share(), other.weight.share()
	if share == otherShare {
		return mine < theirs
	}
	return (mine+1)*otherShare < (theirs+1)*share
}

// best keeps one of the nodes offered to it: for PowerOfTwo the lightest, else any with
// a chance by its weight.
type best struct {
	node   *NodeEndpoint
	shares int64 // the sum of those seen
	top    int64 // the largest
}

func (b *best) offer(p Policy, e *NodeEndpoint) {
	share := e.member.weight.share()
	b.shares += share
	b.top = max(b.top, share)
	switch {
	case b.node == nil:
		b.node = e
	case p == PowerOfTwo:
		if e.member.lighter(b.node.member) {
			b.node = e
		}
	case rand.Int64N(b.shares) < share:
		b.node = e
	}
}
