package main

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/go-kit/kit/endpoint"

	"github.com/muxkit/muxkit/breaker"
	"github.com/muxkit/muxkit/muxpool"
	muxtransport "github.com/muxkit/muxkit/transport"
)

// ledger keeps books on every attempt to call a node, from two points: outside
// of the node's breaker, and inside, just before the request is sent. What
// reaches the second although the breaker was open at the first is a probe, or a
// broken promise.
type ledger struct {
	breakers *breaker.Group

	// mu guards the map; nothing is called under it.
	mu    sync.Mutex
	nodes map[muxpool.Node]*account
}

// account is what the ledger knows of one node.
type account struct {
	underWay atomic.Int64 // attempts that have not ended
	answered atomic.Int64 // attempts that were answered
	failed   atomic.Int64 // attempts that were sent, or tried to be, and failed
	sent     atomic.Int64 // attempts that the breaker let through

	// outside are the attempts that came to a breaker that was not closed, and
	// were sent before it closed.
	outside atomic.Int64
	// crossing are those that came to a closed breaker and were sent when it was
	// not: they had passed it when it opened.
	crossing atomic.Int64

	opened   atomic.Int64 // times that the breaker opened
	halfOpen atomic.Int64 // times that it became half-open: the probes that it may let through
}

func newLedger(breakers *breaker.Group) *ledger {
	l := &ledger{breakers: breakers, nodes: make(map[muxpool.Node]*account)}
	breakers.Subscribe(func(c breaker.Change) {
		switch c.To {
		case breaker.Open:
			l.of(c.Node).opened.Add(1)
		case breaker.HalfOpen:
			l.of(c.Node).halfOpen.Add(1)
		}
	})
	return l
}

func (l *ledger) of(n muxpool.Node) *account {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.nodes[n]
	if a == nil {
		a = new(account)
		l.nodes[n] = a
	}
	return a
}

// sorted returns the nodes in the order of their addresses.
func (l *ledger) sorted() []muxpool.Node {
	l.mu.Lock()
	defer l.mu.Unlock()
	var nodes []muxpool.Node
	for n := range l.nodes {
		nodes = append(nodes, n)
	}
	slices.SortFunc(nodes, func(a, b muxpool.Node) int { return compareAddresses(a.Address, b.Address) })
	return nodes
}

func compareAddresses(a, b string) int {
	if len(a) != len(b) {
		return len(a) - len(b) // ports of fewer digits first
	}
	return slices.Compare([]byte(a), []byte(b))
}

// attempt travels in the context from the first point to the second.
type attempt struct {
	account *account
	node    muxpool.Node
	closed  bool // the breaker's state at the first point
}

type attemptKey struct{}

// middleware is the first point, for muxendpoint.WithNodeMiddleware.
func (l *ledger) middleware(_ string, node muxpool.Node) endpoint.Middleware {
	account := l.of(node)
	return func(next endpoint.Endpoint) endpoint.Endpoint {
		return func(ctx context.Context, request any) (any, error) {
			account.underWay.Add(1)
			defer account.underWay.Add(-1)
			a := &attempt{account, node, l.closed(node)}
			response, err := next(context.WithValue(ctx, attemptKey{}, a), request)
			switch {
			case err == nil:
				account.answered.Add(1)
			case !errors.As(err, new(*breaker.OpenError)):
				account.failed.Add(1)
			}
			return response, err
		}
	}
}

// sending is the second point, for muxtransport.ClientBefore.
func (l *ledger) sending(ctx context.Context, _ *muxtransport.Message) context.Context {
	a := ctx.Value(attemptKey{}).(*attempt)
	a.account.sent.Add(1)
	switch closed := l.closed(a.node); {
	case closed:
	case a.closed:
		a.account.crossing.Add(1)
	default:
		a.account.outside.Add(1)
	}
	return ctx
}

func (l *ledger) closed(n muxpool.Node) bool {
	st, ok := l.breakers.StatusOf(n)
	return !ok || st.State == breaker.Closed
}
