package transport

import (
	"context"
	"errors"
	"fmt"

	"github.com/muxkit/muxkit/muxpool"
)

// ErrInvalidOption: an option or an argument makes no sense; the text names it
// and its value.
var ErrInvalidOption = muxpool.ErrInvalidOption

// ErrPanicked is what finalizers get as the error of a call in which a hook, a
// codec or the endpoint panicked.
var ErrPanicked = errors.New("transport: panic in the call")

// Error is the error of every call that failed in the transport or was answered
// with an error. On a server, an endpoint returns one to choose what the client
// gets.
type Error struct {
	// Code says what went wrong.
	Code Code
	// Status is the number that the protocol carries, as an HTTP status is to
	// HTTP. Zero, on a server: the protocol derives it from Code.
	Status int
	// Message is for people.
	Message string
	// Remote reports that the peer answered so. False: it was found on this side.
	Remote bool
	// Node and Method are those of the call, on a client.
	Node   Node
	Method string
	// Err is the cause; nil if there is none, as in an error answer.
	Err error

	sent bool
}

// maxMessage bounds a peer's text in an error's or a log's text, in bytes.
const maxMessage = 1 << 10

// Business returns the error of a service that refuses: status is its own number
// for that, message the text.
func Business(status int, message string) *Error {
	return &Error{Code: CodeBusiness, Status: status, Message: message}
}

// Sent reports whether the request, or a part of it, may have been handed to the
// kernel. False is a promise: a retry is safe whatever the request does.
func (e *Error) Sent() bool { return e.sent }

// Refused reports that the server answered without having run the call, so that
// a retry, elsewhere or later, is safe whatever the request does.
func (e *Error) Refused() bool {
	return e.Remote && (e.Code == CodeOverloaded || e.Code == CodeUnavailable)
}

// Business reports whether the error is one of the business: the service works
// and its answer is no.
func (e *Error) Business() bool { return e.Code == CodeBusiness }

// Neutral reports whether the error says nothing against the node: an answer of the
// business, or a call that was wrong from the start. Breakers ask it.
func (e *Error) Neutral() bool {
	switch e.Code {
	case CodeBusiness, CodeBadRequest, CodeEncode, CodeInvalid:
		return true
	}
	return false
}

// Timeout reports whether time ran out, as net.Error does.
func (e *Error) Timeout() bool { return e.Code == CodeTimeout }

// Is makes a timeout match context.DeadlineExceeded, on whichever side it was
// noticed first.
func (e *Error) Is(target error) bool {
	return target == context.DeadlineExceeded && e.Code == CodeTimeout
}

// StatusCode returns Status.
func (e *Error) StatusCode() int { return e.Status }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

func (e *Error) Error() string {
	s := e.Code.String()
	if e.Method != "" {
		s = fmt.Sprintf("%s: %s", quote(e.Method, 80), s)
	}
	if e.Status != 0 {
		s = fmt.Sprintf("%s (status %d)", s, e.Status)
	}
	if e.Message != "" {
		s += ": " + quote(e.Message, maxMessage)
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// wasSent asks an error chain whether the request was sent; true if it does not
// know.
func wasSent(err error) bool {
	var s interface{ Sent() bool }
	return !errors.As(err, &s) || s.Sent()
}

// codeOf is the code of an error that the code at hand does not know better.
func codeOf(err error, otherwise Code) Code {
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return CodeTimeout
	case errors.Is(err, context.Canceled):
		return CodeCanceled
	case errors.Is(err, muxpool.ErrFrameTooLarge):
		return CodeTooLarge
	}
	return otherwise
}
