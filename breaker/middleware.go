package breaker

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/go-kit/kit/endpoint"

	"github.com/muxkit/muxkit/muxpool"
)

// Middleware guards calls to a node: it refuses them with an *OpenError while
// the node is out, and judges them otherwise. A call whose context has ended
// before it begins passes unjudged, as it says nothing about the node.
//
// It is what a Set puts around each node's endpoint, and fits a hand-made chain
// as well. Innermost but for what must not count against the node: put rate limits
// outside of it.
func (g *Group) Middleware(node muxpool.Node) endpoint.Middleware {
	h := &handle{group: g, id: node}
	h.resolve()
	return func(next endpoint.Endpoint) endpoint.Endpoint {
		return func(ctx context.Context, request any) (any, error) {
			n := h.get()
			gt := n.gate.Load()
			if gt.judge == nil || g.flaw.Load() != nil {
				return n.pass(ctx, request, next)
			}
			return n.judged(ctx, request, next, gt)
		}
	}
}

// handle leads to a node, also after the group has forgotten it and begun anew.
type handle struct {
	group *Group
	id    muxpool.Node
	node  atomic.Pointer[node]
}

func (h *handle) get() *node {
	n := h.node.Load()
	if n.gone.Load() {
		n = h.resolve()
	}
	if !n.used.Load() {
		n.used.Store(true)
	}
	return n
}

func (h *handle) resolve() *node {
	n := h.group.node(h.id)
	n.claim()
	h.node.Store(n)
	return n
}

// judged makes a call and judges it.
func (n *node) judged(ctx context.Context, request any, next endpoint.Endpoint, gt *gate) (any, error) {
	if ctx.Err() != nil {
		return next(ctx, request)
	}
	start, ended := n.startTime(gt), false
	defer func() {
		if !ended {
			n.learn(gt, start, Failure, ErrPanicked)
		}
	}()
	response, err := next(ctx, request)
	ended = true
	n.learn(gt, start, gt.set.classify(ctx, response, err), err)
	return response, err
}

// learn takes the outcome of a call that began at start behind gate gt.
func (n *node) learn(gt *gate, start int64, o Outcome, err error) {
	n.tally.add(o)
	if o == Neutral {
		return
	}
	if o == Success && n.suspect.Load() {
		n.vouch()
	}
	var now, took int64 // reading the clock costs more than all the rest
	if gt.set.timed {
		now = n.group.clock()
	}
	if gt.set.slow > 0 {
		took = now - start
	}
	if why, cause := gt.judge.record(now, o, time.Duration(took), err); why != ReasonNone {
		n.trip(gt.judge, why, cause)
	}
}

// startTime is 0 unless a detector needs to know how long a call took.
func (n *node) startTime(gt *gate) int64 {
	if gt.set.slow == 0 {
		return 0
	}
	return n.group.clock()
}

// pass is the way of a call that finds the breaker not simply closed.
func (n *node) pass(ctx context.Context, request any, next endpoint.Endpoint) (any, error) {
	if err := n.group.Err(); err != nil {
		return nil, err
	}
	for {
		gt := n.gate.Load()
		switch {
		case gt.judge != nil:
			return n.judged(ctx, request, next, gt)
		case gt.state == Closed:
			return next(ctx, request)
		case gt.state == HalfOpen && gt.trial.enter():
			return n.try(ctx, request, next, gt)
		case gt.due():
			n.expire(gt)
			continue
		}
		if err := n.refuse(gt); err != nil {
			return nil, err
		}
		return next(ctx, request)
	}
}
