package endpoint

import (
	"context"
	"time"

	"github.com/go-kit/kit/endpoint"

	"github.com/muxkit/muxkit/muxpool"
)

// try is an attempt that has its node and was not made yet.
type try struct {
	number int
	hedge  bool
	node   muxpool.Node
	to     *NodeEndpoint     // which the attempt is inside of
	ep     endpoint.Endpoint // under a foreign balancer, instead of to
}

// begin chooses where the next attempt goes, or says why there is none. If all nodes
// that are left want to be asked later, it waits for the first, but for no longer than
// a backoff may be.
func (c *call) begin() (try, error) {
	for {
		t, err := c.choose()
		if err == nil {
			return t, nil
		}
		if err != errTried {
			return try{}, c.giveUp(GaveUpNoNode, err)
		}
		first := c.tried.opens()
		if first.IsZero() {
			return try{}, c.giveUp(GaveUpNoNode, nil)
		}
		wait := max(time.Until(first), 0)
		if wait > c.backoff.limit {
			return try{}, c.giveUp(GaveUpNoRetry, nil)
		}
		if why := c.outlasted(wait); why != 0 {
			return try{}, c.giveUp(why, nil)
		}
		if err := c.pause(wait); err != nil {
			return try{}, err
		}
	}
}

// choose begins an attempt: on a node that was not tried, if there is one.
func (c *call) choose() (try, error) {
	if c.nodes == nil {
		ep, err := c.b.Endpoint()
		if err != nil {
			return try{}, err
		}
		c.number++
		return try{number: c.number, ep: ep}, nil
	}
	e, err := c.nodes.enter(c.tried)
	if err != nil {
		return try{}, err
	}
	c.number++
	return try{number: c.number, node: e.member.node, to: e}, nil
}

// run makes the attempt, which ends at end, if that is not zero, or with ctx.
func (t try) run(ctx context.Context, request any, end time.Time) (any, error) {
	defer t.leave()
	a := &attemptContext{attempt: Attempt{Number: t.number, Node: t.node, Hedge: t.hedge}}
	a.Init(ctx, end)
	defer a.Cancel()
	if t.to != nil {
		return t.to.serve(a, request)
	}
	return t.ep(a, request)
}

// leave ends the attempt, or gives it up before it was made.
func (t try) leave() {
	if t.to != nil {
		t.to.member.calls.leave()
	}
}
