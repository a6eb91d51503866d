package endpoint

import (
	"fmt"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/verdict"
)

// RetryError is the error of a call that Retry gave up. The attempt that ended last
// speaks for the call, as go-kit's Final does: errors.As finds its error first, then
// Cause, then those of the earlier attempts, the later ones first.
type RetryError struct {
	GaveUp GaveUp
	// Attempts are those that failed, in the order in which they ended, and those that
	// were not sent among them; empty if no node took the call.
	Attempts []Failure
	// Cause is what ended the call beside its attempts: the balancer's error, or
	// that of the context that ended; nil if it was neither.
	Cause error

	method string
}

// Failure is an attempt that failed.
type Failure struct {
	// Number is from 1. An attempt that was not sent costs none: the next one has its
	// number.
	Number int
	Node   muxpool.Node // zero under a balancer that does not tell nodes
	Err    error        // never nil
}

// GaveUp is why a call was not tried again, in a word that can label a metric.
type GaveUp uint8

const (
	// GaveUpNotRetryable: the request may have been run and is not declared
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
	// GaveUpNoNode: the balancer found no node, or none that the call may go to again.
	GaveUpNoNode
	// GaveUpNoRetry: the peer wants no further attempt, or none so soon.
	GaveUpNoRetry
	// GaveUpCaller: this service's caller is retrying its call already, and one layer
	// is enough: see transport.CallerAttempt.
	GaveUpCaller
)

var gaveUps = [...]string{"none", "not retryable", "attempts", "budget", "timeout", "context", "no node", "no retry", "caller retries"}

func (g GaveUp) String() string {
	if int(g) < len(gaveUps) {
		return gaveUps[g]
	}
	return fmt.Sprintf("unknown(%d)", uint8(g))
}

// Unwrap returns the error of the last attempt, the Cause, and the errors of the
// attempts before, the later ones first.
func (e *RetryError) Unwrap() []error {
	errs := make([]error, 0, len(e.Attempts)+1)
	for i := len(e.Attempts) - 1; i >= 0; i-- {
		errs = append(errs, e.Attempts[i].Err)
		if i == len(e.Attempts)-1 && e.Cause != nil {
			errs = append(errs, e.Cause)
		}
	}
	if len(errs) == 0 && e.Cause != nil {
		errs = append(errs, e.Cause)
	}
	return errs
}

// Verdict is that of the last attempt, or of Cause if time or the caller ended the
// call or there was no attempt; with Ran as the attempt that did most says. NoRetry is
// true also if further attempts that may have run were made here and were all that
// may be: a layer above must not multiply them.
func (e *RetryError) Verdict() verdict.Verdict {
	v := verdict.Of(e.decides())
	if v.Code == 0 { // it has failed, whatever that error says
		v.Code = verdict.CodeUnknown
	}
	if v.Ran = verdict.NotSent; len(e.Attempts) == 0 && e.Cause == nil {
		v.Ran = verdict.Maybe // it was made by hand
	}
	mayHaveRun := 0
	for _, a := range e.Attempts {
		ran := verdict.Of(a.Err).Ran
		v.Ran = v.Ran.Most(ran)
		if ran == verdict.Maybe || ran == verdict.Yes {
			mayHaveRun++
		}
	}
	if mayHaveRun > 1 && (e.GaveUp == GaveUpAttempts || e.GaveUp == GaveUpBudget) {
		v.NoRetry = true
	}
	return v
}

// decides is the error that speaks for the call.
func (e *RetryError) decides() error {
	if e.Cause != nil && (len(e.Attempts) == 0 || e.GaveUp == GaveUpContext || e.GaveUp == GaveUpTimeout) {
		return e.Cause
	}
	if len(e.Attempts) == 0 {
		return nil // made by hand
	}
	return e.Attempts[len(e.Attempts)-1].Err
}

// StatusCode returns the HTTP status for the verdict.
func (e *RetryError) StatusCode() int { return e.Verdict().Code.HTTP() }

// Sent reports whether any attempt may have reached its peer.
func (e *RetryError) Sent() bool { return e.Verdict().Sent() }

// Timeout reports whether time ran out, as net.Error does: that of the call, or
// that of the last attempt.
func (e *RetryError) Timeout() bool { return e.Verdict().Code == verdict.CodeDeadlineExceeded }
