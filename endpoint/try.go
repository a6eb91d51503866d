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
	ep     endpoint.Endpoint
	gate   *gate // left when the attempt returns; nil under a foreign balancer
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
	e, err := c.nodes.enter(c.avoid)
	if err != nil {
		return try{}, err
	}
	c.number++
	return try{number: c.number, node: e.member.node, ep: e.call, gate: &e.member.calls}, nil
}

// run makes the attempt, which ends at end, if that is not zero, or with ctx.
func (t try) run(ctx context.Context, request any, end time.Time) (any, error) {
	if t.gate != nil {
		defer t.gate.leave()
	}
	a := &attemptContext{attempt: Attempt{Number: t.number, Node: t.node, Hedge: t.hedge}}
	a.Init(ctx, end)
	defer a.Cancel()
	return t.ep(a, request)
}
