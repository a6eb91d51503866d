package muxpool

import (
	"net"
	"sync/atomic"
)

// Stats is a snapshot of a pool.
type Stats struct {
	Nodes    []NodeStats // in no particular order; dropped ones until their last connection has closed
	InFlight int         // MuxConns on connections
	Counters             // of all nodes, forgotten ones included

	EventsLost uint64 // events that a subscriber did not get, since it was too slow or panicked
}

// NodeStats is a snapshot of one node. Gets that differ in parser, TLS settings
// or local address have nodes of their own, under the same Node.
type NodeStats struct {
	Node     Node
	State    NodeState
	Conns    []ConnStats
	InFlight int // MuxConns on its connections
	Waiting  int // Gets that wait for a connection or a slot
	Counters
}

// ConnStats is a snapshot of one connection.
type ConnStats struct {
	LocalAddr, RemoteAddr net.Addr
	State                 string   // "open" or "draining"
	InFlight              int      // MuxConns on it
	Reserved              int      // ids that wait for an answer whose caller has left
	QueuedFrames          int      // frames that wait to be written
	QueuedBytes           int      // their bytes
	Frames                uint64   // frames that arrived
	Peer                  Settings // what the peer says that it takes
}

// Counters count since the pool was made.
type Counters struct {
	Dials        uint64 // attempts to connect
	DialFailures uint64 // those that failed
	Late         uint64 // answers to a call that had left before
	Duplicate    uint64 // answers to a call that was answered before
	Unknown      uint64 // answers to an id that nobody asked with lately
	Unsolicited  uint64 // frames that belong to no call, by the protocol's own word
	Overflowed   uint64 // frames dropped because their MuxConn had ended or too much was unread
	Malformed    uint64 // datagrams that the parser refused
	Refused      uint64 // times that the peer's host said that nobody listens (datagrams)
}

// counters are the live Counters of a node.
type counters struct {
	dials, dialFailures, late, duplicate, unknown, unsolicited, overflowed, malformed, refused atomic.Uint64
}

func (k *counters) snapshot() Counters {
	return Counters{
		Dials: k.dials.Load(), DialFailures: k.dialFailures.Load(), Late: k.late.Load(),
		Duplicate: k.duplicate.Load(), Unknown: k.unknown.Load(), Unsolicited: k.unsolicited.Load(),
		Overflowed: k.overflowed.Load(), Malformed: k.malformed.Load(), Refused: k.refused.Load(),
	}
}

func (k *Counters) add(o Counters) {
	k.Dials += o.Dials
	k.DialFailures += o.DialFailures
	k.Late += o.Late
	k.Duplicate += o.Duplicate
	k.Unknown += o.Unknown
	k.Unsolicited += o.Unsolicited
	k.Overflowed += o.Overflowed
	k.Malformed += o.Malformed
	k.Refused += o.Refused
}

// Stats returns a snapshot: each connection's figures fit together, those of
// different ones may be a moment apart.
func (p *Multiplexed) Stats() Stats {
	p.mu.RLock()
	defer p.mu.RUnlock()
	s := Stats{Nodes: make([]NodeStats, 0, len(p.nodes)), Counters: p.retired, EventsLost: p.events.missed()}
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

func (n *node) stats() NodeStats {
	n.mu.Lock()
	defer n.mu.Unlock()
	s := NodeStats{Node: n.name, State: n.state, Waiting: n.queue.n, Counters: n.counters.snapshot()}
	for _, c := range *n.open.Load() {
		s.Conns = append(s.Conns, c.stats())
	}
	for c := range n.draining {
		s.Conns = append(s.Conns, c.stats())
	}
	for _, c := range s.Conns {
		s.InFlight += c.InFlight
	}
	return s
}

func (c *conn) stats() ConnStats {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := ConnStats{
		LocalAddr: c.local, RemoteAddr: c.remote, State: c.state.String(),
		InFlight: c.ids.live.len(), Reserved: c.ids.reserved.len(), Frames: c.frames.Load(),
	}
	if peer := c.peer.Load(); peer != nil {
		s.Peer = *peer
	}
	if c.writer != nil {
		s.QueuedFrames, s.QueuedBytes = c.writer.Queued()
	}
	return s
}
