package breaker

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/sony/gobreaker"

	"github.com/muxkit/muxkit/internal/text"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/verdict"
)

// ErrInvalidOption: an option's value makes no sense; the text names the option
// and the value.
var ErrInvalidOption = errors.New("breaker: invalid option")

// OpenError is the error of a call that a breaker refused: it never left the
// process. errors.Is finds gobreaker.ErrOpenState and the Cause in it.
type OpenError struct {
	Node       muxpool.Node
	Scope      string        // the service, "" for the group itself
	Method     string        // that is out on the node; "": the node as a whole
	Reason     Reason        // why it is out
	Cause      error         // what was seen last: a pool's error, a call's error, a detector's figures; may be nil
	RetryAfter time.Duration // when it may take a call again, at the earliest; 0 if nobody knows
}

func (e *OpenError) Error() string {
	s := fmt.Sprintf("breaker: %s is out (%s)", e.Node, e.Reason)
	if e.Method != "" {
		s = fmt.Sprintf("breaker: %s is out on %s (%s)", text.Shown(e.Method, maxMethod), e.Node, e.Reason)
	}
	if e.RetryAfter > 0 {
		s += fmt.Sprintf(", retry after %v", e.RetryAfter.Round(time.Millisecond))
	}
	if e.Cause != nil {
		s += ": " + text.Said(strings.TrimPrefix(text.Without(e.Cause.Error(), e.Node.String()), "muxpool: "), maxCause)
	}
	return s
}

// maxCause bounds the text of a Cause, maxMethod that of a method, in bytes.
const (
	maxCause  = 1 << 10
	maxMethod = 80
)

// Unwrap returns gobreaker.ErrOpenState and, if there is one, the Cause.
func (e *OpenError) Unwrap() []error {
	if e.Cause == nil {
		return []error{gobreaker.ErrOpenState}
	}
	return []error{gobreaker.ErrOpenState, e.Cause}
}

// Sent reports that nothing was sent: a retry elsewhere is safe whatever the
// request does.
func (e *OpenError) Sent() bool { return false }

// Verdict says that the call was not sent, and that this speaks against nobody anew.
func (e *OpenError) Verdict() verdict.Verdict {
	return verdict.Verdict{Code: verdict.CodeUnavailable, Whose: verdict.Nobody, Ran: verdict.NotSent, RetryAfter: e.RetryAfter}
}

// StatusCode is the HTTP status for it, 503 (Service Unavailable).
func (e *OpenError) StatusCode() int { return http.StatusServiceUnavailable }
