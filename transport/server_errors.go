package transport

import (
	"errors"
	"fmt"

	"github.com/muxkit/muxkit/muxpool/verdict"
)

// PanicError is what a ServerErrorHandler gets of a call that panicked.
type PanicError struct {
	Value any    // what panic was called with
	Stack []byte // of the goroutine, as runtime/debug.Stack gives it
}

func (e *PanicError) Error() string {
	return fmt.Sprintf("transport: panic in the call: %v", e.Value)
}

// Is makes a PanicError match ErrPanicked.
func (e *PanicError) Is(target error) bool { return target == ErrPanicked }

// Verdict says that this side is broken.
func (e *PanicError) Verdict() verdict.Verdict {
	return verdict.Verdict{Code: CodeInternal, Whose: verdict.Caller}
}

// StatusCode returns 500.
func (e *PanicError) StatusCode() int { return CodeInternal.HTTP() }

// answerOf makes the answer for an error. What an endpoint chose is answered so; of any
// other error the answer says what its verdict does, seen from the caller of this
// server: what a call from here to elsewhere met is this method's failure, unless it
// is the caller's own, or load.
func answerOf(err error) *Error {
	if errors.Is(err, ErrPanicked) {
		return &Error{Code: CodeInternal, Message: "internal error"}
	}
	v := verdict.Of(err)
	a := &Error{RetryAfter: v.RetryAfter, NoRetry: v.NoRetry}
	if own := chosen(err); own != nil {
		a.Code, a.Status, a.Message = own.Code.Travels(), own.Status, own.Message
		if own.Message == "" && own.Err != nil {
			a.Message = outside(own.Err)
		}
		return a
	}
	a.Code, a.Message = passedOn(v.Code), outside(err)
	var remote *Error
	switch {
	case !errors.As(err, &remote):
		a.Status = statusOf(err)
	case remote.Remote && remote.Code == CodeBusiness:
		a.Status, a.Message = remote.Status, remote.Message
	}
	return a
}

// passedOn is what a code that a call to elsewhere ended with is to the caller of this
// server.
func passedOn(c Code) Code {
	switch c {
	case CodeConnection:
		return CodeUnavailable
	case CodeUnimplemented, CodeEncode, CodeBadResponse, CodeInvalid: // this server has the method, and is at fault
		return CodeInternal
	}
	return c.Travels()
}

// businessError makes the error of a response that has failed.
func businessError(err error) *Error {
	if own := chosen(err); own != nil && own.Code == CodeBusiness {
		return own
	}
	return &Error{Code: CodeBusiness, Status: statusOf(err), Message: outside(err), Err: err}
}

// statusOf is the service's own number for an error: the Status of an *Error that was
// made here, or what a StatusCode method of the service's own returns.
func statusOf(err error) int {
	if own := chosen(err); own != nil {
		return own.Status
	}
	var s interface {
		error
		StatusCode() int
	}
	if !errors.As(err, &s) {
		return 0
	}
	if _, ours := s.(verdict.Teller); ours {
		return 0 // it is an HTTP status, made of the code
	}
	return s.StatusCode()
}

// asInvalid is the error of a request that could not be parsed or decoded.
func asInvalid(err error) error {
	if chosen(err) != nil {
		return err
	}
	return &Error{Code: CodeInvalidArgument, Message: outside(err), Err: err}
}

// asInternal is the error of a response that could not be encoded.
func asInternal(err error) error {
	if chosen(err) != nil {
		return err
	}
	return &Error{Code: CodeInternal, Message: "the response could not be encoded", Err: err}
}
