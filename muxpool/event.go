package muxpool

import (
	"fmt"
	"strings"
	"time"
)

// Event is a change in the life of a node or of one of its connections.
type Event struct {
	Kind     EventKind
	Node     Node
	Identity Identity
	Reason   Reason
	Err      error // the cause; nil where nothing failed
	Attempt  int   // of DialFailed and ReconnectLimit: which in a row, from 1
	Bulk     bool  // of the bulk connection
	Time     time.Time
	Lost     int // events before it that were lost
}

func (e Event) String() string {
	s := fmt.Sprintf("%s %s", e.Node, e.Kind)
	if e.Bulk {
		s += " (bulk)"
	}
	why := ""
	if e.Err != nil {
		why = ": " + e.Err.Error()
	}
	if e.Reason != ReasonNone && !strings.Contains(s+why, e.Reason.String()) {
		s += ": " + e.Reason.String()
	}
	return s + why
}

// EventKind is what happened.
type EventKind uint8

const (
	ConnUp EventKind = iota + 1
	ConnDown
	DialFailed
	// ReconnectLimit: a lost connection was given up.
	ReconnectLimit
	// NodeExpelled: it has no connection, and none is dialed; not for idleness.
	NodeExpelled
	// NodeReady: it has a connection again; if the last ended unanswered, or in silence,
	// an answer.
	NodeReady
)

var eventKinds = [...]string{"none", "conn up", "conn down", "dial failed", "reconnect limit", "node expelled", "node ready"}

func (k EventKind) String() string { return name(eventKinds[:], int(k)) }

// Reason is why, in a word that can label a metric.
type Reason uint8

const (
	ReasonNone            Reason = iota // nothing failed
	ReasonDialFailed                    // or not in time
	ReasonHandshakeFailed               // of TLS, or of the protocol
	ReasonConnLost                      // with calls in flight
	ReasonPeerClosed                    // while idle
	ReasonGoingAway                     // the peer asked for that
	ReasonIdle                          // unused
	ReasonProtocolError                 // the parser refused what came
	ReasonFrameTooLarge
	ReasonKeepAliveTimeout // no sign of life in time
	ReasonStalled
	ReasonWriteFailed // or did not end in time
	ReasonReconnectLimit
	ReasonPoolClosed
	ReasonIDsExhausted // they wait for answers that never came
	ReasonDropped
	ReasonBug     // an invariant did not hold
	ReasonRetired // old, or its peer has moved
)

var reasons = [...]string{"none", "dial failed", "handshake failed", "conn lost", "peer closed", "going away", "idle",
	"protocol error", "frame too large", "keepalive timeout", "stalled", "write failed", "reconnect limit", "pool closed",
	"ids exhausted", "dropped", "bug", "retired"}

func (r Reason) String() string { return name(reasons[:], int(r)) }

// Failure reports whether the reason speaks against the node.
func (r Reason) Failure() bool {
	switch r {
	case ReasonNone, ReasonPeerClosed, ReasonGoingAway, ReasonIdle, ReasonPoolClosed, ReasonIDsExhausted, ReasonDropped, ReasonBug, ReasonRetired:
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
