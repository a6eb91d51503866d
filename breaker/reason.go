package breaker

import (
	"fmt"

	"github.com/muxkit/muxkit/muxpool"
)

// State is what a breaker does with calls.
type State uint8

const (
	// Closed: calls pass and are judged.
	Closed State = iota
	// Open: calls are refused with an *OpenError.
	Open
	// HalfOpen: a few calls pass as probes, the others are refused.
	HalfOpen
)

var states = [...]string{"closed", "open", "half-open"}

func (s State) String() string { return name(states[:], int(s)) }

// Reason is why a breaker changed its state, in a word that can label a metric.
type Reason uint8

const (
	ReasonNone                Reason = iota
	ReasonNodeExpelled               // the pool has no connection to the node left
	ReasonReconnectLimit             // the pool gave up redialing
	ReasonDialFailed                 // the pool could not connect
	ReasonProtocolError              // the peer sent what the parser refused, or too much
	ReasonKeepAliveTimeout           // no sign of life in time
	ReasonStalled                    // calls timed out and nothing arrived
	ReasonConnLost                   // a connection ended for another failing reason
	ReasonConsecutiveFailures        // detector ConsecutiveFailures
	ReasonFailureRate                // detector FailureRate
	ReasonSlowCalls                  // detector SlowCalls
	ReasonDeviation                  // detector Deviation
	ReasonMethods                    // several methods, and nothing else succeeded
	ReasonReadyToTrip                // the ReadyToTrip of WithGobreaker
	ReasonProbeFailed                // a probe failed or did not end in time
	ReasonTripped                    // Trip
	ReasonForcedOpen                 // ForceOpen
	ReasonDisabled                   // Disable
	ReasonEnabled                    // Enable
	ReasonReset                      // Reset
	ReasonEjectionOver               // the ejection time is over
	ReasonPoolReady                  // the pool reconnected
	ReasonProbeSucceeded             // the probes succeeded
	ReasonDrained                    // of no breaker: an operator has drained the node in a Set
)

var reasons = [...]string{"none", "node expelled", "reconnect limit", "dial failed", "protocol error", "keepalive timeout",
	"stalled", "conn lost", "consecutive failures", "failure rate", "slow calls", "deviation", "several methods", "ready to trip", "probe failed",
	"tripped", "forced open", "disabled", "enabled", "reset", "ejection over", "pool ready", "probe succeeded", "drained"}

func (r Reason) String() string { return name(reasons[:], int(r)) }

// reasonOf tells what a failing event of the pool means for the node.
func reasonOf(ev muxpool.Event) Reason {
	switch ev.Kind {
	case muxpool.NodeExpelled:
		return ReasonNodeExpelled
	case muxpool.ReconnectLimit:
		return ReasonReconnectLimit
	case muxpool.DialFailed:
		return ReasonDialFailed
	}
	switch ev.Reason {
	case muxpool.ReasonProtocolError, muxpool.ReasonFrameTooLarge:
		return ReasonProtocolError
	case muxpool.ReasonKeepAliveTimeout:
		return ReasonKeepAliveTimeout
	case muxpool.ReasonStalled:
		return ReasonStalled
	}
	return ReasonConnLost
}

func name(names []string, i int) string {
	if i < len(names) {
		return names[i]
	}
	return fmt.Sprintf("unknown(%d)", i)
}
