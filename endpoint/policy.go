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
func (b *Balancer) quick(eps []*NodeEndpoint, avoid tried) *NodeEndpoint {
	switch b.cfg.policy {
	case RoundRobin:
		return b.inTurn(eps, avoid)
	case Random:
		return b.ifEligible(eps[rand.IntN(len(eps))], avoid)
	}
	return b.ofTwo(eps, avoid)
}

// inTurn lets a node that is skipped use up its turn: otherwise its successor
// would get the calls of both.
func (b *Balancer) inTurn(eps []*NodeEndpoint, avoid tried) *NodeEndpoint {
	for range eps {
		turn := b.turn.Add(1) - 1
		if e := b.ifEligible(eps[turn%uint64(len(eps))], avoid); e != nil {
			return e
		}
	}
	return nil
}

func (b *Balancer) ofTwo(eps []*NodeEndpoint, avoid tried) *NodeEndpoint {
	if len(eps) == 1 {
		return b.ifEligible(eps[0], avoid)
	}
	i, j := rand.IntN(len(eps)), rand.IntN(len(eps)-1)
	if j >= i {
		j++
	}
	one, other := b.ifEligible(eps[i], avoid), b.ifEligible(eps[j], avoid)
	if one == nil || other != nil && other.InFlight() < one.InFlight() {
		return other
	}
	return one
}

// best keeps one of the nodes offered to it: for PowerOfTwo the least loaded,
// else any with the same chance.
type best struct {
	node *NodeEndpoint
	seen int
}

func (b *best) offer(p Policy, e *NodeEndpoint) {
	b.seen++
	switch {
	case b.node == nil:
		b.node = e
	case p == PowerOfTwo:
		if e.InFlight() < b.node.InFlight() {
			b.node = e
		}
	case rand.IntN(b.seen) == 0:
		b.node = e
	}
}
