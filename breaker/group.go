package breaker

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/muxkit/muxkit/muxpool"
)

// Group keeps a breaker for each node: see the package's documentation. It is
// safe for concurrent use.
type Group struct {
	start  time.Time // the zero of clock
	ctx    context.Context
	cancel context.CancelFunc
	flaw   atomic.Pointer[error] // see Err
	// nodes is replaced, never changed, so that reading it takes no lock.
	nodes   atomic.Pointer[map[muxpool.Node]*node]
	census  census
	notices notices

	// mu guards what is below and the replacement of nodes. It is taken before a
	// node's mu; under it no user's function is called but Options.
	mu     sync.Mutex
	base   settings
	own    map[muxpool.Node][]Option // of UpdateNode
	closed bool
	sweep  sweep
}

// NewGroup makes a Group. If an option is invalid, it is Err's, Check's and
// every guarded call's error. Close the group at the end.
func NewGroup(opts ...Option) *Group {
	g := &Group{start: time.Now(), own: map[muxpool.Node][]Option{}}
	g.ctx, g.cancel = context.WithCancel(context.Background())
	g.nodes.Store(&map[muxpool.Node]*node{})
	g.census.configure(g.base.shareCap(), g.base.panicShare)
	if err := g.Update(opts...); err != nil {
		g.fail(err)
	}
	return g
}

// Err returns what is wrong with the options of NewGroup, or with an argument
// of a method that returns no error; nil if nothing is.
func (g *Group) Err() error {
	if err := g.flaw.Load(); err != nil {
		return *err
	}
	return nil
}

func (g *Group) spoil(what string) { g.fail(fmt.Errorf("%w: %s", ErrInvalidOption, what)) }

func (g *Group) fail(err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	all := errors.Join(g.Err(), err)
	g.flaw.Store(&all)
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
	g.startSweep()
	for _, n := range *g.nodes.Load() {
		n.end()
	}
}

// clock returns the nanoseconds since the group was made.
func (g *Group) clock() int64 { return int64(time.Since(g.start)) }

// find returns a node that is known, or nil.
func (g *Group) find(id muxpool.Node) *node { return (*g.nodes.Load())[id] }

// node returns a node, known or new.
func (g *Group) node(id muxpool.Node) *node {
	if n := g.find(id); n != nil {
		return n
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.nodeLocked(id)
}

func (g *Group) nodeLocked(id muxpool.Node) *node {
	if n := g.find(id); n != nil {
		return n
	}
	set, err := g.base.forNode(g.own[id])
	if err != nil {
		panic("BUG: settings that were accepted before: " + err.Error())
	}
	n := newNode(g, id, set)
	if g.closed {
		n.end()
		return n
	}
	n.mu.Lock()
	n.startForgetting()
	n.mu.Unlock()
	nodes := maps.Clone(*g.nodes.Load())
	nodes[id] = n
	g.nodes.Store(&nodes)
	return n
}

// drop takes a node out. mu is held.
func (g *Group) drop(n *node) {
	nodes := maps.Clone(*g.nodes.Load())
	delete(nodes, n.id)
	g.nodes.Store(&nodes)
}

// Update puts opts on top of the group's settings, at once and for every node. No
// node changes its state for it, and what was counted is kept; only a new
// Interval of WithGobreaker waits for the next closed period. If an option is
// invalid, nothing changes.
func (g *Group) Update(opts ...Option) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	base, err := g.base.apply(opts)
	sets := map[*node]*settings{}
	for id, own := range g.own {
		_, e := base.forNode(own)
		err = errors.Join(err, wrapNode(id, e))
	}
	for id, n := range *g.nodes.Load() {
		sets[n], _ = base.forNode(g.own[id])
	}
	if err != nil {
		return err
	}
	for _, l := range base.listeners {
		g.notices.subscribe(l)
	}
	base.listeners = nil
	g.base = base
	g.census.configure(base.shareCap(), base.panicShare)
	for n, set := range sets {
		n.configure(set)
	}
	g.startSweep()
	return nil
}

// UpdateNode gives a node options of its own, on top of the group's and in the
// place of those that an earlier UpdateNode gave it, at once and without losing
// its state. Without opts the node has the group's again. They are remembered
// while the group lives, whether the node is known or not.
func (g *Group) UpdateNode(id muxpool.Node, opts ...Option) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	set, err := g.base.forNode(opts)
	if err != nil {
		return wrapNode(id, err)
	}
	g.own[id] = append([]Option(nil), opts...)
	if len(opts) == 0 {
		delete(g.own, id)
	}
	if n := g.find(id); n != nil {
		n.configure(set)
	}
	return nil
}

func wrapNode(id muxpool.Node, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("node %s: %w", id, err)
}
