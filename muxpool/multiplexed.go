package muxpool

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"maps"
	"slices"
	"sync"

	"github.com/muxkit/muxkit/muxpool/deadline"
)

// Multiplexed is the pool; one a process does. It is safe for concurrent use.
type Multiplexed struct {
	opts   poolOptions
	ctx    context.Context // ends with the pool, and with it the dials
	cancel context.CancelFunc
	events events

	conns   connCount
	running running

	recent  recentNodes
	calls   sync.Pool // of *call
	handles sync.Pool // of *handles

	// mu is the first in the lock order: pool, node, conn, call and writer. Contexts
	// may be asked whether they have ended under the conn's, and lock nothing of ours
	// in turn. It guards the fields below. Under it: no I/O, no call into user code, no
	// wait.
	mu      sync.RWMutex
	nodes   map[nodeKey]*node
	named   nodesByName
	leaving map[*node]struct{} // dropped, with connections that have not closed; not among nodes
	closed  error              // not nil: Gets are refused with it
	past    Counters           // of nodes that were forgotten
}

var _ Pool = (*Multiplexed)(nil)

// New returns a pool. Its error wraps ErrInvalidOption, and names every option that makes
// no sense.
func New(opts ...PoolOption) (*Multiplexed, error) {
	p := &Multiplexed{nodes: make(map[nodeKey]*node), named: make(nodesByName), leaving: make(map[*node]struct{})}
	p.recent.seed = maphash.MakeSeed()
	p.running.gone = make(chan struct{})
	p.events.run = p.running.run
	for _, opt := range opts {
		if opt == nil {
			return nil, fmt.Errorf("%w: a nil PoolOption", ErrInvalidOption)
		}
		opt(&p.opts)
	}
	if err := p.opts.finish(); err != nil {
		return nil, err
	}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	var prewarmed []*node
	for _, w := range p.opts.preWarm {
		n, err := p.node(w.node, &w.opts)
		if err != nil {
			return nil, fmt.Errorf("WithPreWarm(%q, %q): %w", w.node.Network, w.node.Address, err)
		}
		prewarmed = append(prewarmed, n)
	}
	for _, n := range prewarmed {
		n.refill()
	}
	return p, nil
}

// GetMuxConn implements Pool.
func (p *Multiplexed) GetMuxConn(ctx context.Context, network, address string, opts GetOptions) (MuxConn, error) {
	name := Node{network, address}
	if ctx == nil {
		return nil, getError(name, fmt.Errorf("%w: a nil context", ErrInvalidOption))
	}
	if err := ctxEnded(ctx, deadline.Of(ctx)); err != nil {
		return nil, getError(name, err)
	}
	opts.begin()
	for {
		n, err := p.node(name, &opts)
		if err != nil {
			return nil, getError(name, err)
		}
		m, err := p.open(ctx, n, &opts)
		if err == nil {
			return m, nil
		}
		if err != errForgotten && err != errHungUp {
			return nil, getError(name, err)
		}
	}
}

func getError(n Node, err error) error { return &Error{Op: "get", Node: n, Err: err} }

func (p *Multiplexed) open(ctx context.Context, n *node, opts *GetOptions) (*muxConn, error) {
	if opts.hasVID {
		if _, ok := n.space.number(opts.vid); !ok {
			return nil, fmt.Errorf("%w: WithVID(%d) is outside of the parser's id space %v", ErrInvalidOption, opts.vid, n.space)
		}
	}
	if opts.stream && n.ordered {
		return nil, fmt.Errorf("%w: WithStream: %T has answers in order, one to each frame that is written", ErrInvalidOption, n.key.parser)
	}
	cl := p.newCall(ctx, opts)
	err := n.place(ctx, cl)
	dup := errors.Is(err, ErrDupRequestID)
	if err != nil && !dup {
		cl.noticed()
		p.putCall(cl)
		return nil, err
	}
	m := p.newHandle(cl)
	if dup {
		cl.end(endTakenID, ErrDupRequestID)
		return m, nil
	}
	if cl.conn.scarce() && ctx.Done() != nil {
		m.bind(ctx)
	}
	return m, nil
}

// PreWarm connects to a node, and waits for an answer where it can ask (see KeepAliver).
func (p *Multiplexed) PreWarm(ctx context.Context, network, address string, opts GetOptions) error {
	opts.hasVID = false
	m, err := p.GetMuxConn(ctx, network, address, opts)
	if err != nil {
		return err
	}
	defer m.Close()
	return m.(*muxConn).prove(ctx)
}

// Subscribe calls f for each event from now on, one at a time, in order for each node, on a
// goroutine of its own: f may call the pool. Up to 1024 wait; of more the oldest are lost,
// as are those at which f panics: the next one's Lost tells how many. When cancel returns,
// f is at work on one at most.
func (p *Multiplexed) Subscribe(f func(Event)) (cancel func()) {
	if f == nil {
		return func() {}
	}
	return p.events.subscribe(f)
}

// Close ends all calls and connections with ErrPoolClosed. It does not wait (see Done), may be
// called again, and returns nil.
func (p *Multiplexed) Close() error {
	for _, n := range p.refuse() {
		for _, c := range n.shut(ErrPoolClosed) {
			c.close(ReasonPoolClosed, ErrPoolClosed)
		}
	}
	p.cancel()
	p.running.close()
	return nil
}

// Done is closed when the pool is, and its last goroutine but a Get's, in user code or not, has ended.
func (p *Multiplexed) Done() <-chan struct{} { return p.running.gone }

// CloseIdle closes the connections that no call is on.
func (p *Multiplexed) CloseIdle() {
	for _, n := range p.all() {
		for _, c := range n.conns() {
			c.drainIdle()
		}
	}
}

// all returns the nodes that Gets may find.
func (p *Multiplexed) all() []*node {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return slices.Collect(maps.Values(p.nodes))
}

// Shutdown refuses Gets with ErrPoolClosed and closes each connection after its last call.
// When ctx ends it does as Close, and returns the context's error.
func (p *Multiplexed) Shutdown(ctx context.Context) error {
	if ctx == nil {
		return fmt.Errorf("%w: Shutdown(nil)", ErrInvalidOption)
	}
	nodes := p.refuse()
	for _, n := range nodes {
		for _, c := range n.shut(ErrPoolClosed) {
			c.drain(ReasonPoolClosed, nil)
		}
	}
	drained := p.conns.none()
	select {
	case <-drained:
		return p.Close()
	case <-ctx.Done():
		select {
		case <-drained:
			return p.Close()
		default:
		}
		_ = p.Close()
		return fmt.Errorf("muxpool: shutdown: %w", ctxErr(ctx))
	}
}

// refuse turns new Gets away and returns the nodes.
func (p *Multiplexed) refuse() []*node {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = ErrPoolClosed
	nodes := slices.Collect(maps.Values(p.nodes))
	for n := range p.leaving {
		nodes = append(nodes, n)
	}
	return nodes
}

// connCount counts the conns that live, for Shutdown to wait for the last.
type connCount struct {
	// mu is a leaf: nothing else is locked while it is held.
	mu   sync.Mutex
	n    int
	zero chan struct{} // closed, and forgotten, when n becomes 0; nil: nobody waits
}

func (k *connCount) add(d int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.n += d; k.n == 0 && k.zero != nil {
		close(k.zero)
		k.zero = nil
	}
}

// none returns a channel that is closed when no conn lives.
func (k *connCount) none() <-chan struct{} {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.zero == nil {
		k.zero = make(chan struct{})
	}
	zero := k.zero
	if k.n == 0 {
		close(zero)
		k.zero = nil
	}
	return zero
}
