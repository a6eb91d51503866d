package muxpool

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// NodeState is the state of a node.
type NodeState uint8

const (
	// NodeIdle: nobody wants a connection.
	NodeIdle NodeState = iota
	// NodeDialing: the first is being made.
	NodeDialing
	// NodeUp: one takes calls.
	NodeUp
	// NodeReconnecting: all were lost, and are being redialed.
	NodeReconnecting
	// NodeDown: all were given up, until the next Get.
	NodeDown
)

var nodeStates = [...]string{"idle", "dialing", "ready", "reconnecting", "expelled"}

func (s NodeState) String() string { return name(nodeStates[:], int(s)) }

// node holds the connections to one peer.
type node struct {
	pool     *Multiplexed
	opts     *poolOptions
	key      nodeKey
	name     Node
	dialer   *dialer
	space    idSet
	hasBulk  bool
	ordered  bool // answers come in order
	counters counters

	// What a Get looks at without the lock.
	open    atomic.Pointer[[]*conn] // the conns in slots, for any call; the slice never changes
	bulk    atomic.Pointer[conn]    // the bulk one, which is in open only if no other is
	waiting atomic.Int32            // Gets in the queue, or about to enter it
	short   atomic.Bool             // a slot is empty: the next Get fills it; not the bulk one's

	// shrinking is held from the look at how many conns are idle until one too many is out of open:
	// two that become idle at once are not both that. No other lock is held when it is taken.
	shrinking sync.Mutex

	// mu is taken after the pool's and before a conn's. It guards the fields
	// below. Under it: no I/O, no call into user code, no wait.
	mu       sync.Mutex
	state    NodeState
	slots    []*slot // changed by change alone
	peer     standing
	draining map[*conn]struct{} // conns that have left their slot and not closed
	ending   map[*conn]struct{} // conns that have closed, whose calls may not all have heard of it
	closings Closed             // conns that have closed
	past     Counters           // their Traffic and Bulk, of those of them that are not ending
	queue    waiters
	since    time.Time   // of state
	forget   *time.Timer // runs while idle or down
	closed   error       // not nil: no dials, no Gets; why
	added    bool        // the pool has its figures
}

// newNode calls the parser's IDSpace: no lock may be held.
func newNode(p *Multiplexed, key nodeKey) (*node, error) {
	if key.local != "" && p.opts.dial != nil {
		return nil, fmt.Errorf("%w: WithLocalAddr(%q) in a pool with WithDialContext, whose function connects and would not hear of it",
			ErrInvalidOption, key.local)
	}
	n := &node{pool: p, opts: &p.opts, key: key, name: key.node, dialer: newDialer(key, &p.opts), hasBulk: hasBulk(key)}
	_, n.ordered = key.parser.(Orderer)
	if n.ordered && isDatagram(key.node.Network) {
		return nil, fmt.Errorf("%w: %T has answers in order, which datagrams of %s do not keep", ErrInvalidOption, key.parser, key.node.Network)
	}
	var err error
	if n.space, err = idSpace(key.parser); err != nil {
		return nil, err
	}
	n.slots = make([]*slot, n.opts.connectNumber)
	for i := range n.slots {
		n.slots[i] = new(slot)
	}
	n.draining, n.ending = make(map[*conn]struct{}), make(map[*conn]struct{})
	n.open.Store(new([]*conn))
	n.since = time.Now()
	return n, nil
}

// setState is the one door for state. mu is held.
func (n *node) setState(s NodeState) {
	if n.state == s {
		return
	}
	n.state, n.since = s, time.Now()
	switch s {
	case NodeUp:
		if n.peer.credible() {
			n.post(Event{Kind: NodeReady})
		}
	case NodeIdle, NodeDown:
		if n.closed == nil {
			n.forgetLater()
		}
	}
}

// settle sets the state that follows from the slots, after one of them changed
// for reason and err. mu is held.
func (n *node) settle(reason Reason, err error) {
	n.trim()
	n.publish()
	up, trying := n.tally()
	switch {
	case up > 0:
		n.setState(NodeUp)
		n.serve()
	case trying > 0 && (n.state == NodeUp || n.state == NodeReconnecting):
		n.setState(NodeReconnecting)
	case trying > 0:
		n.setState(NodeDialing)
	case reason.Failure() && n.closed == nil: // who has let go of the node does not care
		n.expel(reason, err)
	default:
		n.setState(NodeIdle)
	}
	if n.queue.n > 0 && (n.short.Load() || up+trying == 0) {
		n.fill() // for those who came meanwhile, or found the others full
	}
	if !slices.ContainsFunc(n.slots, func(s *slot) bool { return s.resting() && !s.bulk }) {
		n.growAll() // for those who found no room for one more slot
	}
}

// publish shows the conns in slots to the Gets. mu is held.
func (n *node) publish() {
	open := make([]*conn, 0, len(n.slots))
	short := false
	var bulk *conn
	for _, s := range n.slots {
		switch {
		case s.bulk:
			bulk = s.conn
		case s.state.up():
			open = append(open, s.conn)
		case s.state == slotEmpty:
			short = true
		}
	}
	if len(open) == 0 && bulk != nil {
		open = append(open, bulk)
	}
	n.open.Store(&open)
	n.bulk.Store(bulk)
	n.short.Store(short)
}

// conns are those in slots.
func (n *node) conns() []*conn {
	conns := slices.Clone(*n.open.Load())
	if b := n.bulk.Load(); b != nil && !slices.Contains(conns, b) {
		conns = append(conns, b)
	}
	return conns
}

// post queues an event about the node. mu is held, so events are in the order of
// the changes they tell of.
func (n *node) post(ev Event) {
	ev.Node, ev.Identity, ev.Time = n.name, n.key.Identity, time.Now()
	n.pool.events.post(ev)
}

// forgetLater drops the node if nobody uses it for the idle timeout. mu is held.
func (n *node) forgetLater() {
	if n.forget == nil {
		n.forget = time.AfterFunc(n.opts.idleTimeout, func() { n.pool.forget(n) })
		return
	}
	n.forget.Reset(n.opts.idleTimeout)
}

// unused reports whether the node may be forgotten. mu is held.
func (n *node) unused() bool {
	return (n.state == NodeIdle || n.state == NodeDown) && n.queue.n == 0 && len(n.draining)+len(n.ending) == 0 &&
		n.waiting.Load() == 0 && time.Since(n.since) >= n.opts.idleTimeout
}

// shut refuses new Gets and dials with err, and returns the conns that live.
func (n *node) shut(err error) []*conn {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.closed = err
	if n.forget != nil {
		n.forget.Stop()
	}
	n.failQueue(err)
	conns := n.conns()
	for c := range n.draining {
		conns = append(conns, c)
	}
	for _, s := range n.slots {
		s.stop()
	}
	return conns
}

// errForgotten sends a Get that found a forgotten node back to the pool.
var errForgotten = errors.New("muxpool: node forgotten")
