package breaker

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-kit/kit/endpoint"

	"github.com/muxkit/muxkit/muxpool"
)

// Group keeps circuit breakers for the nodes of one service or of several: see the
// package's documentation. It is safe for concurrent use.
type Group struct {
	start   time.Time // the zero of clock
	ctx     context.Context
	cancel  context.CancelFunc
	flaw    atomic.Pointer[error] // of options and arguments: every call fails with it
	watched atomic.Int32          // pools whose events are heard
	nodes   sync.Map              // muxpool.Node -> *node; mu is held where it is changed
	scopes  sync.Map              // string -> *Scope; likewise
	notices notices
	panics  panics

	// mu guards what is below. It is taken before a node's mu; under it no user's
	// function is called but Options.
	mu     sync.Mutex
	base   settings                  // of services to come
	own    map[muxpool.Node][]Option // of UpdateNode
	closed bool
}

// NewGroup makes a Group. If an option is invalid, it is Err's, Check's and
// every guarded call's error. Close the group at the end.
func NewGroup(opts ...Option) *Group {
	g := &Group{start: time.Now(), own: map[muxpool.Node][]Option{}}
	g.ctx, g.cancel = context.WithCancel(context.Background())
	g.notices.group = g
	g.scope("")
	if err := g.Update(opts...); err != nil {
		g.fail(err)
	}
	return g
}

// Err returns what is wrong with the options of NewGroup and Scope, or with an
// argument of a method that returns no error; nil if nothing is.
func (g *Group) Err() error {
	if err := g.flaw.Load(); err != nil {
		return *err
	}
	return nil
}

func (g *Group) reject(what string) { g.fail(fmt.Errorf("%w: %s", ErrInvalidOption, what)) }

func (g *Group) fail(err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	all := errors.Join(g.Err(), err)
	g.flaw.Store(&all)
	for s := range g.allScopes {
		s.changes.Add(1)
	}
}

// Close ends the group: its timers, probes and notices. Calls through its
// Middlewares pass from then on, and are not judged. It waits for nothing: a
// listener or a Prober that runs just now may end after it. Close again is fine.
func (g *Group) Close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
	g.cancel()
	g.notices.close()
	for s := range g.allScopes {
		s.startSweep()
	}
	for n := range g.allNodes {
		n.end()
	}
}

// Middleware guards calls to a node: it refuses them with an *OpenError while the
// node is out, and judges them otherwise. It is the Guard of a service without a
// name and methods, for a hand-made chain; a Set makes guards of its own.
//
// Innermost but for what must not count against the node: put rate limits outside
// of it.
func (g *Group) Middleware(node muxpool.Node) endpoint.Middleware {
	return g.scope("").Guard(Target{Node: node}).Middleware()
}

// clock returns the nanoseconds since the group was made.
func (g *Group) clock() int64 { return int64(time.Since(g.start)) }

// find returns a node that is known, or nil.
func (g *Group) find(id muxpool.Node) *node {
	if n, ok := g.nodes.Load(id); ok {
		return n.(*node)
	}
	return nil
}

func (g *Group) allNodes(yield func(*node) bool) {
	g.nodes.Range(func(_, n any) bool { return yield(n.(*node)) })
}

func (g *Group) allScopes(yield func(*Scope) bool) {
	g.scopes.Range(func(_, s any) bool { return yield(s.(*Scope)) })
}

// drop takes a node out. mu is held.
func (g *Group) drop(n *node) {
	g.nodes.Delete(n.id)
	for _, st := range n.seats {
		delete(st.scope.seats, st)
	}
}
