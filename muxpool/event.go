package muxpool

import (
	"fmt"
	"time"
)

// Event tells a change in the life of a node or of one of its connections.
type Event struct {
	Kind     EventKind
	Node     Node
	Identity Identity // whose connections it is about: Gets of other identities have others
	Reason   Reason
	Err      error     // the cause; nil where nothing failed
	Attempt  int       // for DialFailed and ReconnectLimit: which attempt in a row, from 1
	Time     time.Time // when it happened; listeners may hear of it later
	Lost     int       // how many events right before this one its subscriber did not get (see Subscribe)
}

func (e Event) String() string {
	s := fmt.Sprintf("%s %s", e.Node, e.Kind)
	if e.Reason != ReasonNone {
		s += ": " + e.Reason.String()
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// EventKind is what happened.
type EventKind uint8

const (
	// ConnUp: a connection was dialed and takes calls.
	ConnUp EventKind = iota + 1
	// ConnDown: a connection ended; Reason and Err say why.
	ConnDown
	// DialFailed: an attempt to connect failed.
	DialFailed
	// ReconnectLimit: a lost connection was given up after Attempt attempts.
	ReconnectLimit
	// NodeExpelled: the node has no connection left and none is being dialed.
	// Not sent when a node just went idle.
	NodeExpelled
	// NodeReady: a node that had no usable connection has one. A connect makes it
	// ready, but not if the last connection fell silent, or ended soon, or with calls,
	// without an answer on it: then only an answer does.
	NodeReady
)

var eventKinds = [...]string{"none", "conn up", "conn down", "dial failed", "reconnect limit", "node expelled", "node ready"}

func (k EventKind) String() string { return name(eventKinds[:], int(k)) }

// Reason is why it happened, in a word that can label a metric.
type Reason uint8

const (
	ReasonNone             Reason = iota // nothing failed
	ReasonDialFailed                     // the address could not be connected to, in time
	ReasonHandshakeFailed                // connected, but TLS or the protocol's handshake failed
	ReasonConnLost                       // ended by the peer or the network with calls in flight
	ReasonPeerClosed                     // closed by the peer while idle: no failure
	ReasonGoingAway                      // drained at the peer's request: no failure
	ReasonIdle                           // closed by the pool, unused: no failure
	ReasonProtocolError                  // the peer sent what the parser refused
	ReasonFrameTooLarge                  // the peer sent a frame over the limit
	ReasonKeepAliveTimeout               // no sign of life in time
	ReasonStalled                        // calls timed out, or a frame had begun, and nothing arrived
	ReasonWriteFailed                    // a write failed, or did not end in time
	ReasonReconnectLimit                 // the attempts to redial are used up
	ReasonPoolClosed                     // the pool was closed
	ReasonIDsExhausted                   // too many ids wait for answers that never came
	ReasonDropped                        // let go by Drop: no failure
	ReasonBug                            // a mistake of the package's own was found there; Err says which: no failure
)

var reasons = [...]string{"none", "dial failed", "handshake failed", "conn lost", "peer closed", "going away", "idle",
	"protocol error", "frame too large", "keepalive timeout", "stalled", "write failed", "reconnect limit", "pool closed",
	"ids exhausted", "dropped", "bug"}

func (r Reason) String() string { return name(reasons[:], int(r)) }

// Failure reports whether the reason speaks against the node.
func (r Reason) Failure() bool {
	switch r {
	case ReasonNone, ReasonPeerClosed, ReasonGoingAway, ReasonIdle, ReasonPoolClosed, ReasonIDsExhausted, ReasonDropped, ReasonBug:
		return false
	}
	return true
}

func name(names []string, i int) string {
	if i < len(names) {
		return names[i]
	}
	return fmt.Sprintf("unknown(%d)", i)
}
