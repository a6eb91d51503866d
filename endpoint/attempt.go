package endpoint

import (
	"context"
	"time"

	"github.com/go-kit/kit/endpoint"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/deadline"
	"github.com/muxkit/muxkit/transport"
)

// Attempt says which attempt of a call this is. Retry puts it into the context of
// each attempt, for hooks, middlewares and codecs.
type Attempt struct {
	Number int          // from 1
	Node   muxpool.Node // where it goes; zero under a balancer that does not tell nodes
	Hedge  bool         // it runs beside another attempt of the call
}

type contextKey int

// ContextKeyAttempt is the key under which an attempt's context holds its
// *Attempt, which must not be changed. AttemptFromContext is simpler.
const ContextKeyAttempt contextKey = iota

// Keys of this package's own.
const (
	contextKeyCallOptions contextKey = 1 // of *callOptions
	contextKeyReached     contextKey = 2 // of *reached
)

// AttemptFromContext returns the Attempt that ctx belongs to, and whether it
// belongs to one.
func AttemptFromContext(ctx context.Context) (Attempt, bool) {
	a, ok := ctx.Value(ContextKeyAttempt).(*Attempt)
	if !ok {
		return Attempt{}, false
	}
	return *a, true
}

// attemptContext is what two context.WithValue and a context.WithDeadline would
// do, in one allocation: it also holds the attempt's number under the transport's
// own key.
type attemptContext struct {
	deadline.Context
	attempt Attempt
	reached reached
}

func (c *attemptContext) Value(key any) any {
	switch key {
	case ContextKeyAttempt:
		return &c.attempt
	case transport.ContextKeyAttempt:
		return c.attempt.Number
	case contextKeyReached:
		return &c.reached
	case contextKeyCallOptions:
		return nil // they are the call's, not those of what its nodes call
	}
	return c.Context.Value(key)
}

// attempt is an attempt that has its node, and as a rule was not made yet.
type attempt struct {
	number int
	hedge  bool
	to     *NodeEndpoint     // which the attempt is inside of
	ep     endpoint.Endpoint // under a foreign balancer, instead of to
	paid   bool              // it was lost, and its node's credit pays for a further one
}

// begin chooses where the next attempt goes, or says why there is none.
func (c *call) begin() (attempt, error) {
	if c.nodes == nil {
		t, err := c.choose()
		if err != nil {
			return attempt{}, c.giveUp(GaveUpNoNode, err)
		}
		return t, nil
	}
	e, err := c.find()
	if err != nil {
		return attempt{}, err
	}
	return c.to(e), nil
}

// choose begins an attempt without waiting: on a node that was not tried, if there is one.
func (c *call) choose() (attempt, error) {
	if c.nodes == nil {
		ep, err := c.b.Endpoint()
		if err != nil {
			return attempt{}, err
		}
		c.number++
		return attempt{number: c.number, ep: ep}, nil
	}
	e, err := c.nodes.enter(c.tried, c.key, c)
	if err != nil {
		return attempt{}, err
	}
	return c.to(e), nil
}

// to begins an attempt on e, which the call is inside of.
func (c *call) to(e *NodeEndpoint) attempt {
	c.number++
	return attempt{number: c.number, to: e}
}

// node is where the attempt goes; zero under a foreign balancer.
func (t *attempt) node() muxpool.Node {
	if t.to == nil {
		return muxpool.Node{}
	}
	return t.to.member.node
}

// run makes the attempt, which ends at end, if that is not zero, or with ctx. Its context is
// made only for who may see it, or if it ends before ctx: peers are told of attempts after the
// first.
func (t *attempt) run(ctx context.Context, request any, end time.Time) (response any, err error) {
	defer t.leave()
	if end.IsZero() && t.number == 1 && t.to != nil && t.to.ignoresContext() {
		response, err, t.paid = t.to.serve(ctx, request)
		return response, err
	}
	return t.told(ctx, request, end)
}

// told makes the attempt with a context of its own.
func (t *attempt) told(ctx context.Context, request any, end time.Time) (response any, err error) {
	a := &attemptContext{attempt: Attempt{Number: t.number, Node: t.node(), Hedge: t.hedge}}
	a.Init(ctx, end)
	defer a.Cancel()
	return t.with(a, request)
}

// with makes the attempt with a context that knows how far it came.
func (t *attempt) with(a *attemptContext, request any) (response any, err error) {
	if t.to != nil {
		response, err, t.paid = t.to.serve(a, request)
	} else {
		response, err = t.ep(a, request)
	}
	return response, a.reached.judged(err)
}

// leave ends the attempt, or gives it up before it was made.
func (t *attempt) leave() {
	if t.to != nil {
		t.to.member.calls.leave()
	}
}
