package breaker

import (
	"errors"
	"fmt"
	"time"

	"github.com/sony/gobreaker"

	"github.com/muxkit/muxkit/muxpool"
)

// ErrInvalidOption: an option's value makes no sense; the text names the option
// and the value.
var ErrInvalidOption = errors.New("breaker: invalid option")

// OpenError is the error of a call that a breaker refused: it never left the
// process. errors.Is finds gobreaker.ErrOpenState and the Cause in it.
type OpenError struct {
	Node       muxpool.Node
	Reason     Reason        // why the node is out
	Cause      error         // what was seen last: a pool's error, a call's error, a detector's figures; may be nil
	RetryAfter time.Duration // when the node may take a call again, at the earliest; 0 if nobody knows
}

func (e *OpenError) Error() string {
	s := fmt.Sprintf("breaker: %s is out (%s)", e.Node, e.Reason)
	if e.RetryAfter > 0 {
		s += fmt.Sprintf(", retry after %v", e.RetryAfter.Round(time.Millisecond))
	}
	if e.Cause != nil {
		s += ": " + e.Cause.Error()
	}
	return s
}

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

// Neutral reports that the refusal says nothing about the node: a breaker
// further out does not count it.
func (e *OpenError) Neutral() bool { return true }
