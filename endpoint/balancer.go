package endpoint

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"

	"github.com/go-kit/kit/endpoint"

	"github.com/muxkit/muxkit/muxpool"
)

// Balancer chooses a node for each call: by Policy and weight, and never one whose breaker
// is open. It implements go-kit's lb.Balancer and is safe for concurrent use. It
// has no goroutine and needs no Close.
//
// A node that answers with overload, or says when to come back, gets fewer calls for a
// while, or none before, as long as others take them: see docs/endpoint.md.
type Balancer struct {
	source   Endpointer
	cfg      config
	turn     atomic.Uint64 // of RoundRobin
	top      atomic.Int64  // the largest weight seen of late: see takes
	index    atomic.Pointer[index]
	indexing sync.Mutex // held by who stores index; nobody waits for it
	out      atomic.Pointer[allOut]
	line     waitLine // calls that wait for a node
}

// NewBalancer makes a Balancer over the nodes of source. It takes WithBreakers, WithService,
// WithPolicy and, for nodes whose breaker was open, WithSlowStart; an invalid option is told by every choice.
func NewBalancer(source Endpointer, opts ...Option) *Balancer {
	return newBalancer(source, newConfig(opts).byHand("NewBalancer"))
}

func newBalancer(source Endpointer, cfg config) *Balancer {
	if source == nil {
		cfg.reject("NewBalancer(nil)")
	}
	cfg.bind("")
	b := &Balancer{source: source, cfg: cfg, line: waitLine{total: new(atomic.Int64)}}
	b.top.Store(full)
	return b
}

// Endpoint chooses a node and returns its endpoint. It implements lb.Balancer.
// Its errors are those of Pick.
func (b *Balancer) Endpoint() (endpoint.Endpoint, error) {
	e, err := b.Pick()
	if err != nil {
		return nil, err
	}
	return e.Call, nil
}

// Pick chooses a node, if possible none of those to avoid. Its error is a
// NoNodesError, an AllOpenError, or what the Endpointer returned.
func (b *Balancer) Pick(avoid ...muxpool.Node) (*NodeEndpoint, error) {
	if err := b.cfg.err(); err != nil {
		return nil, err
	}
	var t tried
	for _, node := range avoid {
		t = append(t, visit{node: node})
	}
	return b.pick(t, 0, nil)
}

// pick is Pick for a call, or for one of which nothing is known, nil.
func (b *Balancer) pick(avoid tried, key affinity, of *call) (*NodeEndpoint, error) {
	var seen **NodeEndpoint // tells the list that was searched in vain
	for {
		list, err := b.source.NodeEndpoints()
		if err != nil {
			return nil, err
		}
		if len(list) == 0 {
			return nil, &NoNodesError{}
		}
		x, fresh := b.look(list)
		all := x.trials == nil || of.canRepeat()
		from := x.from(key)
		if key != 0 {
			if e := key.of(from.ready, fresh, avoid, all); e != nil {
				return e, nil
			} else if e := key.of(x.besides(from).ready, fresh, avoid, all); e != nil {
				return e, nil
			}
		} else if e := x.trial(all, avoid); e != nil {
			return e, nil
		} else if e := b.quick(from, fresh, avoid, all); e != nil {
			return e, nil
		}
		e, dropped, err := b.search(x, from, avoid, all)
		if err == nil || !dropped || seen == &list[0] {
			return e, err
		}
		seen = &list[0] // discovery has dropped some of these: there may be others by now
	}
}

// enter is pick for a call that starts now: the caller must leave the node.
func (b *Balancer) enter(avoid tried, key affinity, of *call) (*NodeEndpoint, error) {
	for {
		e, err := b.pick(avoid, key, of)
		if err != nil || e.member.calls.enter() {
			return e, err
		}
		// Discovery dropped e just now; it is not eligible any more.
	}
}

// eligible reports whether a call that is not to go where it has been may go to c. fresh says
// that c is known to be ready, all that the call may go to one that it would try out.
func (c *candidate) eligible(fresh bool, avoid tried, all bool) bool {
	if c.member.calls.isShut() || c.heldBack() || !fresh && !c.isReady() || !all && c.isSpared() {
		return false
	}
	if len(avoid) == 0 {
		return true
	}
	been, _ := avoid.has(c.member.node)
	return !been
}

// maxLooked bounds how many nodes of a part a search looks at before it takes what it has found.
const maxLooked = 512

// walk returns where to begin among n, and a step with which to come by each of them once: those that
// stand beside each other may have more in common. Where there are more than are looked at, the step is
// some 0.62 of n: with it the first few are far from each other, and no eighth in a row is passed by.
func walk(n int) (at, step int) {
	if n < 3 {
		return rand.IntN(max(n, 1)), 1
	}
	least, wide := 1, n-1
	if n > maxLooked {
		least, wide = n*61/100, n/50
	}
	for step = least + rand.IntN(wide); gcd(uint64(step), uint64(n)) != 1; {
		step = least + rand.IntN(wide)
	}
	return rand.IntN(n), step
}

// search looks for a node among those that take calls, as far as the index knows, in an order by
// chance: until it has looked at enough to take one, and at all while it has found none. Those of one
// part come first. If there is none at all it says why. It reports whether discovery has dropped any
// of them.
func (b *Balancer) search(x *index, from *part, avoid tried, all bool) (e *NodeEndpoint, dropped bool, err error) {
	var first, beside, again best
	barred := false
	for _, p := range [...]*part{from, x.besides(from)} {
		best := &first
		if p != from {
			best = &beside
		}
		at, step := walk(len(p.ready))
		for i := range p.ready {
			if i >= maxLooked && (best.node != nil || again.node != nil) {
				break
			}
			c := &p.ready[at]
			at = (at + step) % len(p.ready)
			if c.member.calls.isShut() {
				dropped = true
				continue
			}
			if !c.isReady() {
				continue
			}
			switch been, isBarred := avoid.has(c.member.node); {
			case isBarred:
				barred = true
			case been || c.heldBack() || !all && c.isSpared():
				again.offer(b.cfg.policy, c.NodeEndpoint)
			default:
				best.offer(b.cfg.policy, c.NodeEndpoint)
			}
		}
	}
	switch {
	case first.node != nil:
		b.top.Store(first.top)
		return first.node, dropped, nil
	case beside.node != nil:
		return beside.node, dropped, nil
	case again.node != nil:
		return again.node, dropped, nil
	case barred && x.changes == b.changes(): // the others take none still
		return nil, dropped, errTried
	}
	return b.why(x, avoid)
}
