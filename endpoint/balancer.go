package endpoint

import (
	"errors"
	"math/rand/v2"
	"sync/atomic"

	"github.com/go-kit/kit/endpoint"

	"github.com/muxkit/muxkit/breaker"
	"github.com/muxkit/muxkit/muxpool"
)

// Balancer chooses a node for each call: by Policy, and never one whose breaker
// is open. It implements go-kit's lb.Balancer and is safe for concurrent use. It
// has no goroutine and needs no Close.
type Balancer struct {
	source Endpointer
	cfg    config
	turn   atomic.Uint64 // of RoundRobin
}

// NewBalancer makes a Balancer over the nodes of source. It takes WithBreakers
// and WithPolicy; an invalid option is told by every choice.
func NewBalancer(source Endpointer, opts ...Option) *Balancer {
	return newBalancer(source, newConfig(opts))
}

func newBalancer(source Endpointer, cfg config) *Balancer {
	if source == nil {
		cfg.refuse("NewBalancer(nil)")
	}
	return &Balancer{source: source, cfg: cfg}
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
	return b.pick(t)
}

func (b *Balancer) pick(avoid tried) (*NodeEndpoint, error) {
	var seen **NodeEndpoint // tells the slice that was searched in vain
	for {
		eps, err := b.source.NodeEndpoints()
		if err != nil {
			return nil, err
		}
		if len(eps) == 0 {
			return nil, &NoNodesError{}
		}
		if e := b.quick(eps, avoid); e != nil {
			return e, nil
		}
		e, dropped, err := b.search(eps, avoid)
		if err == nil || !dropped || seen == &eps[0] {
			return e, err
		}
		seen = &eps[0] // discovery has dropped some of these: there may be others by now
	}
}

// enter is pick for a call that starts now: the caller must leave the node.
func (b *Balancer) enter(avoid tried) (*NodeEndpoint, error) {
	for {
		e, err := b.pick(avoid)
		if err != nil || e.member.calls.enter() {
			return e, err
		}
		// Discovery dropped e just now; it is not eligible any more.
	}
}

// ifEligible returns e if a call may go there now, else nil.
func (b *Balancer) ifEligible(e *NodeEndpoint, avoid tried) *NodeEndpoint {
	if e.member.calls.isShut() || b.check(e) != nil {
		return nil
	}
	if been, _ := avoid.has(e.member.node); been {
		return nil
	}
	return e
}

func (b *Balancer) check(e *NodeEndpoint) error {
	if b.cfg.breakers == nil {
		return nil
	}
	return b.cfg.breakers.Check(e.member.node)
}

// search looks at every node, from a random one on. It reports whether discovery
// has dropped any of them.
func (b *Balancer) search(eps []*NodeEndpoint, avoid tried) (e *NodeEndpoint, dropped bool, err error) {
	var fresh, again best
	barred := false
	var open []*breaker.OpenError
	var errs []error
	offset := rand.IntN(len(eps))
	for i := range eps {
		e := eps[(offset+i)%len(eps)]
		if e.member.calls.isShut() {
			dropped = true
			continue
		}
		if err := b.check(e); err != nil {
			if o := (*breaker.OpenError)(nil); errors.As(err, &o) {
				open = append(open, o)
			} else {
				errs = append(errs, err)
			}
			continue
		}
		switch been, isBarred := avoid.has(e.member.node); {
		case isBarred:
			barred = true
		case been:
			again.offer(b.cfg.policy, e)
		default:
			fresh.offer(b.cfg.policy, e)
		}
	}
	switch {
	case fresh.node != nil:
		return fresh.node, dropped, nil
	case again.node != nil:
		return again.node, dropped, nil
	case barred:
		return nil, dropped, errTried
	case len(errs) > 0:
		return nil, dropped, errors.Join(errs...)
	case len(open) > 0:
		return nil, dropped, newAllOpenError(open)
	}
	return nil, dropped, &NoNodesError{}
}
