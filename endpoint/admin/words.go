package admin

import (
	"errors"
	"fmt"
	"time"

	"github.com/muxkit/muxkit/breaker"
)

// sentences say what a breaker's reason means to somebody who has just been woken up.
var sentences = map[breaker.Reason]string{
	breaker.ReasonNodeExpelled:        "The pool has lost its last connection, and cannot make a new one",
	breaker.ReasonReconnectLimit:      "The pool has tried to connect as often as it may",
	breaker.ReasonDialFailed:          "The pool cannot connect to it",
	breaker.ReasonProtocolError:       "It has sent what its protocol does not allow",
	breaker.ReasonKeepAliveTimeout:    "It gives no sign of life",
	breaker.ReasonStalled:             "Calls time out, and it answers nothing at all",
	breaker.ReasonConnLost:            "Its connection was lost",
	breaker.ReasonConsecutiveFailures: "Too many calls in a row have failed",
	breaker.ReasonFailureRate:         "Too large a part of its calls has failed",
	breaker.ReasonSlowCalls:           "Too large a part of its calls was too slow",
	breaker.ReasonDeviation:           "Its calls fail more often than those of the other nodes",
	breaker.ReasonMethods:             "Several of its methods are out, and nothing else succeeds",
	breaker.ReasonReadyToTrip:         "The ReadyToTrip of its breaker says so",
	breaker.ReasonProbeFailed:         "A probe of it has failed",
	breaker.ReasonTripped:             "Tripped by an operator",
	breaker.ReasonForcedOpen:          "Held open by an operator",
	breaker.ReasonDisabled:            "Let pass unjudged by an operator",
	breaker.ReasonEnabled:             "An operator's order has ended",
	breaker.ReasonReset:               "Reset by an operator",
	breaker.ReasonEjectionOver:        "The time of its ejection is over",
	breaker.ReasonPoolReady:           "The pool has connected to it again",
	breaker.ReasonProbeSucceeded:      "A probe of it has succeeded",
	breaker.ReasonDrained:             "Drained by an operator",
}

// root is the text of what is behind an error in the end, as "connection refused": of several causes the last.
func root(err error) string {
	for range maxDepth {
		var inner error
		switch e := err.(type) {
		case interface{ Unwrap() error }:
			inner = e.Unwrap()
		case interface{ Unwrap() []error }:
			if all := e.Unwrap(); len(all) > 0 {
				inner = all[len(all)-1]
			}
		}
		if inner == nil {
			break
		}
		err = inner
	}
	return cause(err)
}

// maxDepth bounds how far an error is unwrapped.
const maxDepth = 64

// sentence says a reason, and what is behind it in the end: the rest is the cause's text.
func sentence(reason breaker.Reason, err error) string {
	said := sentences[reason]
	if said == "" {
		said = reason.String()
	}
	if o := (*order)(nil); errors.As(err, &o) {
		return fmt.Sprintf("%s at %s since %s.", said, o.by, o.at.UTC().Format(time.DateTime))
	}
	if err != nil {
		said += ": " + root(err)
	}
	return said + "."
}

// also adds a second reason.
func also(why string) string {
	if why == "" {
		return ""
	}
	return " Besides: " + why
}

// order is the cause of what an operator has ordered on the page.
type order struct {
	by string // the remote address, fit to be shown
	at time.Time
}

func (o *order) Error() string {
	return fmt.Sprintf("an operator at %s, %s", o.by, o.at.UTC().Format(time.DateTime))
}

// orderedBy is whose order it is, or why it was given.
func orderedBy(err error) string {
	if o := (*order)(nil); errors.As(err, &o) {
		return o.by
	}
	return cause(err)
}
