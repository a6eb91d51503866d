package endpoint

import (
	"errors"
	"fmt"
	"time"

	"github.com/muxkit/muxkit/muxpool/verdict"
)

// Defaults of WithWait and WithMaxWaiting.
const (
	defaultWait       = 5 * time.Second
	defaultMaxWaiting = 1024
)

// WithWait has calls that find no node which takes calls wait for one: for max at most, all
// waits of a call together, and no longer than the caller's context lasts. It is the default
// of a Set. Zero is the default of it: as long as the context lasts, and without a deadline
// there for 5 s. What a call waits does not count for WithRetry's timeout.
//
// They wait in order, and not at all for what time does not cure, as a certificate that does
// not verify: see docs/endpoint.md. Calls over WithMaxWaiting are refused. WithoutWait has
// calls fail at once.
//
// It may also be given to Retry, over a Balancer of a Directory or of nodes that are fixed
// (FixedEndpointer).
func WithWait(max time.Duration) Option {
	return func(c *config) {
		if max < 0 {
			c.reject("WithWait(%v) is negative", max)
			return
		}
		c.retry.patient, c.retry.maxWait = true, max
	}
}

// WithoutWait has calls that find no node which takes calls fail at once.
func WithoutWait() Option { return func(c *config) { c.retry.patient = false } }

// WithMaxWaiting bounds how many calls of a Set, of all its methods, wait for a node at a
// time. More are refused: see ErrTooManyWaiting. Default 1024.
func WithMaxWaiting(n int) Option {
	return func(c *config) {
		if n < 0 {
			c.reject("WithMaxWaiting(%d) is negative", n)
			return
		}
		c.retry.maxWaiting = n
	}
}

// ErrTooManyWaiting is the Cause of a WaitError: as many calls as WithMaxWaiting allows wait
// for a node already. The call was not sent.
var ErrTooManyWaiting error = &sentinel{"muxendpoint: too many calls wait for a node already",
	verdict.Verdict{Code: verdict.CodeResourceExhausted, Whose: verdict.Overload, Ran: verdict.NotSent}}

// WaitError: the call has waited for a node that takes calls, in vain. It unwraps to Cause,
// and to For, in which errors.As finds the reason of each node.
type WaitError struct {
	Waited time.Duration // all waits of the call together
	For    error         // why no node could take the call when somebody looked last: an AllOpenError, a NoNodesError, or the last attempt's
	Cause  error         // why it waited no longer: its context's error, or ErrTooManyWaiting; nil if WithWait's time was over

	method string
}

func (e *WaitError) Error() string {
	said := ""
	switch why := e.For.(type) {
	case *AllOpenError:
		said = why.said("")
	case *NoNodesError:
		said = why.said("")
	default:
		said = bare(e.For, maxAllSaid)
	}
	return lead(e.method) + e.until() + ": " + said
}

// until is the text without its lead, and without For.
func (e *WaitError) until() string {
	if errors.Is(e.Cause, ErrTooManyWaiting) {
		return bare(e.Cause, maxSaid) + marks(e)
	}
	said := fmt.Sprintf("waited %v for a node%s", e.Waited.Round(time.Millisecond), marks(e))
	if e.Cause != nil {
		said += ": " + bare(e.Cause, maxSaid)
	}
	return said
}

// Unwrap returns Cause, if there is one, and For.
func (e *WaitError) Unwrap() []error {
	if e.Cause == nil {
		return []error{e.For}
	}
	return []error{e.Cause, e.For}
}

// Verdict is that of For, and, if Cause ended the wait, as that says: canceled or too late,
// which is nobody's fault, or resource exhausted.
func (e *WaitError) Verdict() verdict.Verdict {
	v := verdict.Of(e.For)
	if e.Cause == nil {
		return v
	}
	ended := verdict.Of(e.Cause)
	if v.Code, v.Whose = ended.Code, ended.Whose; v.Code == verdict.CodeDeadlineExceeded {
		v.Whose = verdict.Nobody
	}
	return v
}

// StatusCode returns the HTTP status for the verdict.
func (e *WaitError) StatusCode() int { return e.Verdict().Code.HTTP() }

// Sent reports whether an attempt before the wait may have been sent.
func (e *WaitError) Sent() bool { return e.Verdict().Sent() }
