package endpoint

import (
	"context"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/deadline"
	"github.com/muxkit/muxkit/transport"
)

// Attempt says which try of a call this is. Retry puts it into the context of
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

// contextKeyCallOptions is the key of *callOptions.
const contextKeyCallOptions contextKey = 1

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
}

func (c *attemptContext) Value(key any) any {
	switch key {
	case ContextKeyAttempt:
		return &c.attempt
	case transport.ContextKeyAttempt:
		return c.attempt.Number
	case contextKeyCallOptions:
		return nil // they are the call's, not those of what its nodes call
	}
	return c.Context.Value(key)
}
