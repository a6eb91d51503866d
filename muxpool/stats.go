package muxpool

import (
	"net"
	"sync/atomic"
	"time"
)

// Stats is a snapshot of a pool.
type Stats struct {
	Nodes    []NodeStats // in no order; dropped ones until their last connection has closed
	InFlight int         // MuxConns
	Counters             // of all nodes, forgotten ones included

	EventsLost uint64 // that a subscriber did not get
}

// NodeStats is a snapshot of one node.
type NodeStats struct {
	Node     Node
	Identity Identity
	State    NodeState
	Conns    []ConnStats
	InFlight int // MuxConns
	Waiting  int // Gets that wait
	Counters
}

// ConnState is the state of a connection.
type ConnState uint8

const (
	ConnOpen     ConnState = iota // it takes calls
	ConnDraining                  // it takes none, and closes with its last
	ConnClosed
)

func (s ConnState) String() string { return connState(s).String() }

// ConnStats is a snapshot of one connection.
type ConnStats struct {
	LocalAddr, RemoteAddr net.Addr
	State                 ConnState
	Bulk                  bool
	Since                 time.Time
	InFlight              int
	Reserved              int // ids of who has left, which wait for answers
	QueuedFrames          int
	QueuedBytes           int
	Frames                uint64 // read
	Peer                  Settings
	Traffic
}

// Counters count since the pool was made.
type Counters struct {
	Dials        uint64 // attempts
	DialFailures uint64 // those that failed
	DialDuration time.Duration
	Waits        uint64 // Gets that had to wait
	WaitDuration time.Duration
	Expelled     uint64
	ConnsClosed  Closed
	Late         uint64  // answers to who had left
	Duplicate    uint64  // answers to who was answered
	Unknown      uint64  // answers to nobody
	Unsolicited  uint64  // frames of that kind
	Overflowed   uint64  // frames of who had ended, or read too slowly
	Malformed    uint64  // datagrams that the parser refused
	Refused      uint64  // by hosts where nobody listens (datagrams)
	Bulk         Traffic // of bulk connections
	Traffic
}

// Traffic is what has passed.
type Traffic struct {
	Calls        Calls
	BytesRead    uint64
	BytesWritten uint64 // that the kernel has taken
	Reads        uint64
	Writes       uint64
}

func (t *Traffic) add(o Traffic) {
	t.Calls.add(o.Calls)
	t.BytesRead += o.BytesRead
	t.BytesWritten += o.BytesWritten
	t.Reads += o.Reads
	t.Writes += o.Writes
}

// Closed counts connections that have ended, by Reason.
type Closed [maxReasons]uint64

// maxReasons leaves room for reasons to come.
const maxReasons = 32

var _ [maxReasons - len(reasons)]struct{} // there is room

// By returns how many ended for r.
func (k Closed) By(r Reason) uint64 {
	if int(r) >= len(k) {
		return 0
	}
	return k[r]
}

// Total returns how many have ended.
func (k Closed) Total() (n uint64) {
	for _, c := range k {
		n += c
	}
	return n
}

// counters are those of the live Counters of a node that many count at once.
type counters struct {
	dials, dialFailures, late, duplicate, unknown, unsolicited, overflowed, malformed, refused atomic.Uint64
	waits, expelled                                                                            atomic.Uint64
	dialTime, waitTime                                                                         atomic.Int64 // in ns
}

// waited counts a Get that has waited since then.
func (k *counters) waited(since time.Time) {
	k.waits.Add(1)
	k.waitTime.Add(int64(time.Since(since)))
}

func (k *counters) snapshot() Counters {
	return Counters{
		Dials: k.dials.Load(), DialFailures: k.dialFailures.Load(), DialDuration: time.Duration(k.dialTime.Load()),
		Waits: k.waits.Load(), WaitDuration: time.Duration(k.waitTime.Load()), Expelled: k.expelled.Load(),
		Late: k.late.Load(), Duplicate: k.duplicate.Load(), Unknown: k.unknown.Load(), Unsolicited: k.unsolicited.Load(),
		Overflowed: k.overflowed.Load(), Malformed: k.malformed.Load(), Refused: k.refused.Load(),
	}
}

func (k *Counters) add(o Counters) {
	k.Dials += o.Dials
	k.DialFailures += o.DialFailures
	k.DialDuration += o.DialDuration
	k.Waits += o.Waits
	k.WaitDuration += o.WaitDuration
	k.Expelled += o.Expelled
	for r, n := range o.ConnsClosed {
		k.ConnsClosed[r] += n
	}
	k.Late += o.Late
	k.Duplicate += o.Duplicate
	k.Unknown += o.Unknown
	k.Unsolicited += o.Unsolicited
	k.Overflowed += o.Overflowed
	k.Malformed += o.Malformed
	k.Refused += o.Refused
	k.Bulk.add(o.Bulk)
	k.Traffic.add(o.Traffic)
}

// carried adds what a connection has carried.
func (k *Counters) carried(bulk bool, t Traffic) {
	if k.Traffic.add(t); bulk {
		k.Bulk.add(t)
	}
}

// Stats returns a snapshot: the figures of one connection fit together.
func (p *Multiplexed) Stats() Stats {
	p.mu.RLock()
	defer p.mu.RUnlock()
	s := Stats{Nodes: make([]NodeStats, 0, len(p.nodes)), Counters: p.past, EventsLost: p.events.missed()}
	add := func(n *node) {
		ns := n.stats()
		s.Nodes = append(s.Nodes, ns)
		s.InFlight += ns.InFlight
		s.Counters.add(ns.Counters)
	}
	for _, n := range p.nodes {
		add(n)
	}
	for n := range p.leaving {
		add(n)
	}
	return s
}

// NodeStats is Stats of one node: a snapshot for each identity.
func (p *Multiplexed) NodeStats(node Node) []NodeStats {
	p.mu.RLock()
	defer p.mu.RUnlock()
	var all []NodeStats
	for _, n := range p.named[node] {
		all = append(all, n.stats())
	}
	return all
}

func (n *node) stats() NodeStats {
	n.mu.Lock()
	defer n.mu.Unlock()
	s := NodeStats{Node: n.name, Identity: n.key.Identity, State: n.state, Waiting: n.queue.n, Counters: n.totals()}
	for _, c := range n.conns() {
		s.Conns = append(s.Conns, c.stats())
	}
	for c := range n.draining {
		s.Conns = append(s.Conns, c.stats())
	}
	for _, c := range s.Conns {
		s.InFlight += c.InFlight
		s.carried(c.Bulk, c.Traffic)
	}
	return s
}

// totals are the counters of the node, without its present conns; mu is held.
func (n *node) totals() Counters {
	k := n.counters.snapshot()
	k.ConnsClosed, k.Traffic, k.Bulk = n.closings, n.past.Traffic, n.past.Bulk
	for c := range n.ending {
		k.carried(c.bulk, c.traffic())
	}
	return k
}

// ended keeps what a conn has counted, when its last call has heard of its end.
func (n *node) ended(c *conn) {
	n.mu.Lock()
	delete(n.ending, c)
	n.past.carried(c.bulk, c.traffic())
	n.mu.Unlock()
	n.dropped()
}

func (c *conn) stats() ConnStats {
	s := ConnStats{LocalAddr: c.local, RemoteAddr: c.remote, Bulk: c.bulk, Since: c.born, Frames: c.frames.Load(), Traffic: c.traffic()}
	c.mu.Lock()
	defer c.mu.Unlock()
	s.State, s.InFlight, s.Reserved = ConnState(c.state), c.ids.live.len(), c.ids.reserved.len()
	s.Calls = c.calls
	if peer := c.peer.Load(); peer != nil {
		s.Peer = *peer
	}
	if c.writer != nil {
		s.QueuedFrames, s.QueuedBytes = c.writer.Queued()
	}
	return s
}

// traffic is what has passed on the conn.
func (c *conn) traffic() Traffic {
	t := Traffic{BytesRead: c.bytes.Load() + c.datagrams.read.Load(), Reads: c.reads.Load()}
	if c.writer != nil {
		t.BytesWritten, t.Writes = c.writer.Written()
	} else {
		t.BytesWritten, t.Writes = c.datagrams.written.Load(), c.datagrams.writes.Load()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	t.Calls = c.calls
	return t
}
