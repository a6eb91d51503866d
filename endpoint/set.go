package endpoint

import (
	"context"
	"sync"
	"time"

	"github.com/go-kit/kit/endpoint"
	"github.com/go-kit/kit/sd"
	"github.com/go-kit/log"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
)

// Set follows the nodes of a service: one subscription to its discovery, and one
// object for each node, shared by all methods. It is safe for concurrent use,
// except that what the user gives it (the node parser, the functions that make
// clients and middlewares, the logger) must not call the Set.
type Set struct {
	cfg       config
	instancer sd.Instancer
	logger    log.Logger

	events   chan sd.Event // unbuffered; never closed, since an Instancer may be sending
	commands chan func()   // run by the loop
	quit     chan struct{} // closed by Close, once no event comes any more
	stopped  chan struct{} // closed when the loop has ended: its state does not change any more
	closing  sync.Once

	nodes   gate          // the members that have not drained are inside; shut by the loop's end
	drained chan struct{} // closed when the Set is closed and the last call has returned

	loop // only the loop's goroutine touches it
}

// NewSet follows the nodes that instancer names, until Close. If instancer
// answers a registration at once, as go-kit's all do, its nodes are known when
// NewSet returns. logger, which may be nil, hears of the discovery's errors and
// of instances that cannot be used.
//
// All options are for the Set; WithMiddleware and WithNodeMiddleware, and
// whatever Retry and NewBalancer take, can be changed for a method. An invalid
// one is told by Err, and by every call.
func NewSet(instancer sd.Instancer, logger log.Logger, opts ...Option) *Set {
	s := &Set{cfg: newConfig(opts), instancer: instancer, logger: logger,
		events: make(chan sd.Event), commands: make(chan func()), quit: make(chan struct{}), stopped: make(chan struct{}),
		drained: make(chan struct{})}
	s.nodes.empty = func() { close(s.drained) }
	if instancer == nil {
		s.cfg.refuse("NewSet: nil instancer")
	}
	s.cfg.bind(nextSetName())
	if s.logger == nil {
		s.logger = log.NewNopLogger()
	}
	s.cfg.retry = s.cfg.retry.withDefaults()
	s.members = make(map[muxpool.Node]*member)
	go s.run()
	if s.cfg.err() == nil {
		instancer.Register(s.events) // what it sends is applied before any command
	}
	return s
}

// Err returns what is wrong with the options of NewSet, or nil. It wraps
// ErrInvalidOption.
func (s *Set) Err() error { return s.cfg.err() }

// Endpoint makes the endpoint of a method: of the chain that the package's
// documentation draws, over one Client for each node. client is called now for
// the nodes that are known, and for each one that discovery finds; if it panics
// or returns nil, that is logged, and the method has no such node. If the Client
// has a Close method, it is called when the node was dropped and its calls have
// returned.
//
// opts are added to the Set's, for this method: WithRetry and its companions,
// WithPolicy, WithBreakers, WithJudging, WithMiddleware, WithNodeMiddleware. Make each method's endpoint
// once, not for each call: it lives as long as the Set.
func (s *Set) Endpoint(method string, client func(n transport.Node) *transport.Client, opts ...Option) endpoint.Endpoint {
	if client == nil {
		return failing(invalid("Endpoint(%s): nil client", quote(method, maxText)))
	}
	return s.endpoint(method, ofClient(client), opts)
}

// EndpointFrom is Endpoint for nodes that are called by other means than a
// Client: factory gets the node as "network://address", and its closer, if it is
// not nil, is closed when the node was dropped and its calls have returned.
func (s *Set) EndpointFrom(method string, factory sd.Factory, opts ...Option) endpoint.Endpoint {
	if factory == nil {
		return failing(invalid("EndpointFrom(%s): nil factory", quote(method, maxText)))
	}
	return s.endpoint(method, ofFactory(factory), opts)
}

func (s *Set) endpoint(name string, build builder, opts []Option) endpoint.Endpoint {
	m := &method{name: name, cfg: s.cfg.with(opts), build: build, nodes: make(map[*member]*NodeEndpoint)}
	if m.cfg.service == s.cfg.service { // none of its own
		own := *s.cfg.service + "/" + name
		m.cfg.service = &own
	}
	m.cfg.bind("")
	if err := m.cfg.err(); err != nil {
		return failing(err)
	}
	m.publish(nil, ErrSetClosed)
	s.do(func() { s.addMethod(m) })
	return m.cfg.wrap(name, newRetry(newBalancer(m, m.cfg), m.cfg))
}

// do runs f in the loop, or not at all if the Set is closed.
func (s *Set) do(f func()) {
	done := make(chan struct{})
	select {
	case s.commands <- func() { f(); close(done) }:
		<-done
	case <-s.stopped:
	}
}

// NodeStatus is what a Set knows of a node.
type NodeStatus struct {
	Node     muxpool.Node
	InFlight int   // calls that have not returned, of all methods
	Open     error // why its breaker takes no call of any method; nil if it does, or there is none
}

// Nodes returns the nodes that discovery names, in order of their text. Those
// that drain are not among them.
func (s *Set) Nodes() []NodeStatus {
	var status []NodeStatus
	s.do(func() {
		for _, m := range s.sorted() {
			status = append(status, NodeStatus{Node: m.node, InFlight: m.calls.inside(), Open: s.whyOpen(m)})
		}
	})
	return status
}

// Close ends the subscription; calls that begin afterwards fail with
// ErrSetClosed. Calls in flight go on, and when the last of a node has returned,
// its Clients are closed and its breaker is let go. Close does not wait for that:
// see Shutdown. Further Closes do nothing.
func (s *Set) Close() {
	s.closing.Do(func() {
		if s.cfg.err() == nil {
			s.instancer.Deregister(s.events) // the loop takes what the Instancer sends meanwhile
		}
		close(s.quit)
		<-s.stopped
	})
}

// Shutdown is Close, and waits until the calls in flight have returned or ctx
// ends.
func (s *Set) Shutdown(ctx context.Context) error {
	s.Close()
	select {
	case <-s.drained:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// run is the loop.
func (s *Set) run() {
	defer close(s.stopped)
	for {
		select {
		case ev := <-s.events:
			s.apply(ev)
		case f := <-s.commands:
			f()
		case <-s.expired():
			s.invalidate()
		case <-s.quit:
			s.end()
			return
		}
	}
}

// expired is the channel on which time tells to invalidate the nodes, or nil.
func (s *Set) expired() <-chan time.Time {
	if s.deadline == nil {
		return nil
	}
	return s.deadline.C
}
