package transport

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/muxkit/muxkit/internal/text"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/verdict"
)

// ErrInvalidOption: an option or an argument makes no sense; the text names it
// and its value.
var ErrInvalidOption = muxpool.ErrInvalidOption

// ErrPanicked is what finalizers get as the error of a call in which a hook, a
// codec or the endpoint panicked.
var ErrPanicked = errors.New("transport: panic in the call")

// Error is the error of every call that failed in the transport or was answered
// with an error. On a server, an endpoint returns one to choose what the client
// gets: Code, Status, Message, RetryAfter and NoRetry.
type Error struct {
	// Code says what went wrong. Zero is taken for CodeUnknown.
	Code Code
	// Status is the service's own number, as the protocol carries it. Zero, on a
	// server: the protocol derives one from Code if it needs it.
	Status int
	// Message is for people.
	Message string
	// RetryAfter says how long to wait before this peer is asked again, in whole
	// milliseconds where it travels; 0: nothing. NoRetry says that no further
	// attempt is wanted, wherever. They travel where the protocol carries metadata.
	RetryAfter time.Duration
	NoRetry    bool
	// NotRun, of an error answer, reports that the server did not run the call: its
	// transport says so, which knows. What an endpoint sets here is dropped.
	NotRun bool
	// Remote reports that the peer answered so. False: it was found on this side.
	Remote bool
	// Node and Method are those of the call, on a client.
	Node   Node
	Method string
	// Err is the cause; nil if there is none, as in an error answer.
	Err error

	found   *finding // of an error that a Client found: what its cause says
	refused refusal  // of what a Service did not let in
}

// finding is what a Client knows of a failure that it found itself.
type finding struct {
	whose verdict.Whose
	ran   verdict.Ran
}

// maxMessage bounds a peer's text in an error's or a log's text, maxCause that of a cause, in
// bytes.
const (
	maxMessage = 1 << 10
	maxCause   = 2 * maxMessage
)

// Business returns the error of a service that refuses: status is its own number
// for that, message the text.
func Business(status int, message string) *Error {
	return &Error{Code: CodeBusiness, Status: status, Message: message}
}

// Verdict says whose the failure is, whether the call was run, and what the peer
// wants of those who would try again.
func (e *Error) Verdict() verdict.Verdict {
	v := verdict.ByCode(e.Code)
	switch {
	case e.found != nil:
		v.Whose, v.Ran = e.found.whose, e.found.ran
	case e.NotRun && e.Remote:
		v = v.AsRefused()
	}
	v.RetryAfter, v.NoRetry, v.Answered = e.RetryAfter, e.NoRetry, e.Remote
	return v
}

// Sent reports whether the request, or a part of it, may have been handed to the
// kernel. False is a promise: a retry is safe whatever the request does.
func (e *Error) Sent() bool { return e.Verdict().Sent() }

// Business reports whether the error is one of the business: the service works
// and its answer is no.
func (e *Error) Business() bool { return e.Code == CodeBusiness }

// Timeout reports whether time ran out, as net.Error does.
func (e *Error) Timeout() bool { return e.Code == CodeDeadlineExceeded }

// Is makes a call that ran out of time match context.DeadlineExceeded, on whichever
// side that was noticed first.
func (e *Error) Is(target error) bool {
	return target == context.DeadlineExceeded && e.Code == CodeDeadlineExceeded
}

// StatusCode returns the HTTP status for the code, from 400 to 599: go-kit's HTTP
// transport asks for it. The service's own number is Status.
func (e *Error) StatusCode() int { return verdict.ByCode(e.Code).Code.HTTP() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Error is one line: of a call, the method and the node, the code, whose the failure is and
// whether the call was run, and the message or the causes. The node's and the pool's names
// stand in it once.
func (e *Error) Error() string {
	v := e.Verdict()
	var marks []string
	if e.Status != 0 {
		marks = append(marks, fmt.Sprintf("status %d", e.Status))
	}
	s := ""
	switch {
	case e.Node != (Node{}):
		s = text.Lead(e.Method, e.Node.String())
		marks = append(marks, strings.TrimPrefix(v.String(), v.Code.String()+": "))
	case e.Method != "":
		s = quote(e.Method, 80) + ": "
	}
	s += v.Code.String()
	if len(marks) > 0 {
		s += " (" + strings.Join(marks, "; ") + ")"
	}
	if e.Message != "" {
		s += ": " + text.Said(e.Message, maxMessage)
	}
	if e.Err != nil {
		s += ": " + e.cause()
	}
	return s
}

// cause is what Err says beside what is said already.
func (e *Error) cause() string {
	if own, ok := e.Err.(*muxpool.Error); ok && own.Node == e.Node && own.Err != nil {
		return own.Op + ": " + text.Said(strings.TrimPrefix(own.Err.Error(), "muxpool: "), maxCause)
	}
	said := e.Err.Error()
	if e.Node != (Node{}) {
		said = text.Without(said, e.Node.String())
	}
	return text.Said(said, maxCause) // a codec's error, or that of another Pool, is anybody's
}

// codeOf is the code of an error that the code at hand does not know better.
func codeOf(err error, otherwise Code) Code {
	switch c := verdict.Of(err).Code; c {
	case CodeDeadlineExceeded, CodeCanceled, CodeTooLarge:
		return c
	}
	return otherwise
}
