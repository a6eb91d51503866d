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
	to     *NodeEndpoint     // which the attempt is inside of
	ep     endpoint.Endpoint // under a foreign balancer, instead of to
	paid   bool              // it was lost, and its node's credit pays for a further one
}

// begin chooses where the next attempt goes, or says why there is none.
func (c *call) begin() (try, error) {
	if c.nodes == nil {
		t, err := c.choose()
		if err != nil {
			return try{}, c.giveUp(GaveUpNoNode, err)
		}
		return t, nil
	}
	e, err := c.find()
	if err != nil {
		return try{}, err
	}
	return c.to(e), nil
}

// choose begins an attempt without waiting: on a node that was not tried, if there is one.
func (c *call) choose() (try, error) {
	if c.nodes == nil {
		ep, err := c.b.Endpoint()
		if err != nil {
			return try{}, err
		}
		c.number++
		return try{number: c.number, ep: ep}, nil
	}
	e, err := c.nodes.enter(c.tried, c.key, c)
	if err != nil {
		return try{}, err
	}
	return c.to(e), nil
}

// to begins an attempt on e, which the call is inside of.
func (c *call) to(e *NodeEndpoint) try {
	c.number++
	return try{number: c.number, to: e}
}

// node is where the attempt goes; zero under a foreign balancer.
func (t *try) node() muxpool.Node {
	if t.to == nil {
		return muxpool.Node{}
	}
	return t.to.member.node
}

// run makes the attempt, which ends at end, if that is not zero, or with ctx. Its context is
// made only for who may see it, or if it ends before ctx: peers are told of attempts after the
// first.
func (t *try) run(ctx context.Context, request any, end time.Time) (response any, err error) {
	defer t.leave()
	if end.IsZero() && t.number == 1 && t.to != nil && t.to.ignoresContext() {
		response, err, t.paid = t.to.serve(ctx, request)
		return response, err
	}
	return t.told(ctx, request, end)
}

// told makes the attempt with a context of its own.
func (t *try) told(ctx context.Context, request any, end time.Time) (response any, err error) {
	a := &attemptContext{attempt: Attempt{Number: t.number, Node: t.node(), Hedge: t.hedge}}
	a.Init(ctx, end)
	defer a.Cancel()
	if t.to != nil {
		response, err, t.paid = t.to.serve(a, request)
		return response, err
	}
	return t.ep(a, request)
}

// leave ends the attempt, or gives it up before it was made.
func (t *try) leave() {
	if t.to != nil {
		t.to.member.calls.leave()
	}
}
