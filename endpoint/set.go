package endpoint

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-kit/kit/endpoint"
	"github.com/go-kit/kit/sd"
	"github.com/go-kit/log"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
)

// Set follows the nodes of a service: one subscription to its discovery, and one
// object for each node, shared by all methods. It is safe for concurrent use.
type Set struct {
	cfg       config
	instancer sd.Instancer
	teller    Instancer  // instancer, if it tells more than addresses; else nil
	logger    log.Logger // nil: nobody listens

	events     chan sd.Event       // unbuffered; never closed, since an Instancer may be sending
	told       chan InstancesEvent // likewise, of teller
	marks      chan func()         // pushed on the lane behind the events that came before
	registered chan struct{}       // closed when the Instancer's registration has returned
	quit       chan struct{}       // closed by Close, once no event comes any more
	closing    atomic.Bool         // the first Close has begun
	isClosed   chan struct{}       // closed when it has ended

	nodes   visitors      // the members that have not drained are inside; shut by Close
	drained chan struct{} // closed when the Set is closed and the last call has returned

	lane       lane         // where the user's code is called
	slowParser atomic.Bool  // the user's parser takes too long: it is called beside the lane until it has returned
	logging    atomic.Bool  // the logger has not returned
	unlogged   atomic.Int64 // lines that were not logged meanwhile
	asking     asking
	timing     timing
	waiting    atomic.Int64 // calls that wait for a node, of all methods
	reviewing  atomic.Bool  // a review of the subset is due
	moves      atomic.Uint64

	// mu guards known. While it is held nothing of the user's is called and nothing is
	// waited for, so whatever the user's code does, and whatever it calls, the Set goes
	// on. The locks of the breakers and of the lane are taken under it.
	mu sync.Mutex
	known
}

// known is what a Set knows, all of it guarded by the Set's mutex.
type known struct {
	closed  bool
	pending pending
	retry   retryConfig // of NewSet and Update, for methods that have no options of their own

	// instances are the texts of the last list that names any, and what each is: what
	// discovery goes on naming is not parsed again.
	instances map[string]*instance
	list      []*instance // those of the last list, each once, in its order
	lists     uint64      // how many came
	asked     int         // calls of the user's parser that have not returned
	rounds    uint64      // how often members were matched
	subset    subset

	members map[muxpool.Node]*member // by fold
	drains  map[muxpool.Node]*Drain  // likewise: what Drain has ordered; what they point to does not change
	order   []*member                // the same, in the order of their text; not changed in place
	methods []*method                // appended to only
	unbind  []func()                 // lets the services among the breakers go; appended to until closed
	failing map[*building]struct{}   // what is to be asked again
	changes map[*change]struct{}     // those under way

	err  error    // the discovery's error: the last, or the first of a row that has an end; nil after a good event
	bad  error    // why the first instance of list that is none is none
	keep *keeping // nil: the nodes are those that discovery names
}

func (k *known) init() {
	k.instances = make(map[string]*instance)
	k.members = make(map[muxpool.Node]*member)
	k.drains = make(map[muxpool.Node]*Drain)
	k.failing = make(map[*building]struct{})
	k.changes = make(map[*change]struct{})
}

// NewSet follows the nodes that instancer names, until Close. If instancer
// answers a registration at once, as go-kit's all do, its nodes are known when
// NewSet returns. logger, which may be nil, hears of the discovery's errors and
// of instances that cannot be used. If instancer is a Refresher, it is asked to
// look again when no node takes calls; if it is an Instancer of this package's, it tells more
// than addresses.
//
// What the user gives a Set (the instancer, the node parser, the functions that make clients
// and middlewares, closers, the logger) may call the Set, fail, panic and block: it is
// called one at a time, but who takes longer than a quarter of a second is no
// longer waited for; an instancer, for longer than a second. A panic is logged, and counts as a
// failure.
//
// All options are for the Set; WithMiddleware and WithNodeMiddleware, and
// whatever Retry and NewBalancer take, can be changed for a method. An invalid
// one is told by Err, and by every call.
func NewSet(instancer sd.Instancer, logger log.Logger, opts ...Option) *Set {
	s := &Set{cfg: config{retry: retryConfig{patient: true}}.with(opts), instancer: instancer, logger: logger,
		events: make(chan sd.Event), told: make(chan InstancesEvent), marks: make(chan func()), registered: make(chan struct{}), quit: make(chan struct{}), isClosed: make(chan struct{}), drained: make(chan struct{})}
	s.nodes.empty = s.left
	s.timing.epoch = time.Now()
	if instancer == nil {
		s.cfg.reject("NewSet: nil instancer")
	}
	s.unbind = append(s.unbind, s.cfg.bind(nextSetName()))
	s.cfg.retry = s.cfg.retry.withDefaults()
	s.cfg.retry.ownBudget = false // it is the Set's
	s.retry = s.cfg.retry
	s.known.init()
	s.asking.epoch = time.Now()
	s.asking.refresher, _ = instancer.(Refresher)
	s.teller, _ = instancer.(Instancer)
	if s.cfg.err() == nil {
		go s.receive()
		s.register()
		applied := make(chan struct{})
		s.marks <- func() { close(applied) } // behind what was sent, and what that asks for
		<-applied
	}
	return s
}

// Err returns what is wrong with the options of NewSet, or nil. It wraps
// ErrInvalidOption.
func (s *Set) Err() error { return s.cfg.err() }

// Endpoint makes the endpoint of a method: of the chain that the package's
// documentation draws, over one Client for each node. client is called now for
// the nodes that are known, and for each one that discovery finds; if it panics
// or returns nil, that is logged, the method has no such node, and client is asked
// again: at each event that names the node, and after 50 to 100 ms, doubling up to 30 s.
// If the Client has a Close method, it is called when the node was dropped and its
// calls have returned, unless discovery names the node again by then.
//
// opts are added to the Set's, for this method: WithRetry and its companions,
// WithPolicy, WithBreakers, WithJudging, WithMiddleware, WithNodeMiddleware. Those that say which nodes the Set
// has are for NewSet, and an error here. Make each method's endpoint
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
	m := &method{set: s, name: name, cfg: s.cfg.with(opts), opts: opts, build: build, minute: minute{born: s.timing.now()}}
	m.cfg.rejectOfSet(name, opts)
	if m.cfg.service == s.cfg.service { // none of its own
		own := *s.cfg.service + "/" + name
		m.cfg.service = &own
	}
	unbind := m.cfg.bind("")
	if err := m.cfg.err(); err != nil {
		unbind()
		return failing(err)
	}
	b := newBalancer(m, m.cfg)
	b.line.total = &s.waiting
	var err error
	if m.retry, err = newRetrying(b, m.cfg); err != nil {
		unbind()
		return failing(err)
	}
	m.retry.method = name
	s.addMethod(m, unbind)
	s.lane.wait(nil) // its nodes are built
	return m.cfg.wrap(name, m.serve)
}
