package endpoint

import (
	"errors"
	"fmt"
	"strings"

	"github.com/muxkit/muxkit/muxpool"
)

// RetryError is the error of a call that Retry gave up. It unwraps to the error
// of every attempt, in order, and to Cause.
type RetryError struct {
	GaveUp   GaveUp
	Attempts []Failure // those that were made; empty if no node took the call
	// Cause is what ended the call beside its attempts: the balancer's error, or
	// that of the context that ended; nil if it was neither.
	Cause error
}

// Failure is an attempt that failed.
type Failure struct {
	Number int          // from 1
	Node   muxpool.Node // zero under a balancer that does not tell nodes
	Err    error        // never nil
}

// GaveUp is why a call was not tried again, in a word that can label a metric.
type GaveUp uint8

const (
	// GaveUpNotRetryable: the request may have been sent and is not declared
	// idempotent, or another attempt would come to the same end.
	GaveUpNotRetryable GaveUp = iota + 1
	// GaveUpAttempts: the attempts of WithRetry are used up.
	GaveUpAttempts
	// GaveUpBudget: the Budget is used up.
	GaveUpBudget
	// GaveUpTimeout: the timeout of WithRetry ended, or would before the next attempt.
	GaveUpTimeout
	// GaveUpContext: the caller's context ended, or would before the next attempt.
	GaveUpContext
	// GaveUpNoNode: the balancer found no node.
	GaveUpNoNode
)

var gaveUps = [...]string{"none", "not retryable", "attempts", "budget", "timeout", "context", "no node"}

func (g GaveUp) String() string {
	if int(g) < len(gaveUps) {
		return gaveUps[g]
	}
	return fmt.Sprintf("unknown(%d)", uint8(g))
}

func (e *RetryError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "muxendpoint: gave up after %d attempts (%s)", len(e.Attempts), e.GaveUp)
	if e.Cause != nil {
		fmt.Fprintf(&b, ": %v", e.Cause)
	}
	for i, a := range e.Attempts {
		if i == maxListed {
			fmt.Fprintf(&b, "; and %d more", len(e.Attempts)-i)
			break
		}
		fmt.Fprintf(&b, "; [%d", a.Number)
		if a.Node != (muxpool.Node{}) {
			fmt.Fprintf(&b, " %s", a.Node)
		}
		fmt.Fprintf(&b, "] %v", a.Err)
	}
	return b.String()
}

// Unwrap returns the errors of all attempts, then the Cause.
func (e *RetryError) Unwrap() []error {
	errs := make([]error, 0, len(e.Attempts)+1)
	for _, a := range e.Attempts {
		errs = append(errs, a.Err)
	}
	if e.Cause != nil {
		errs = append(errs, e.Cause)
	}
	return errs
}

// Sent reports whether any attempt may have reached its peer.
func (e *RetryError) Sent() bool {
	for _, a := range e.Attempts {
		if maybeSent(a.Err) {
			return true
		}
	}
	return false
}

// Timeout reports whether time ran out, as net.Error does: that of the call, or
// that of the last attempt.
func (e *RetryError) Timeout() bool {
	if e.GaveUp == GaveUpTimeout {
		return true
	}
	last := e.Cause
	if last == nil && len(e.Attempts) > 0 {
		last = e.Attempts[len(e.Attempts)-1].Err
	}
	var t interface{ Timeout() bool }
	return errors.As(last, &t) && t.Timeout()
}
