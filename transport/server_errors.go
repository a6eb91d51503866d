package transport

import (
	"errors"
	"fmt"
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

// answerOf makes the answer for an error.
func answerOf(err error) *Error {
	var own *Error
	if errors.As(err, &own) {
		if own.Code == CodeBusiness || own.ours() {
			return own
		}
		return &Error{Code: codeOf(own, CodeUnknown), Message: err.Error()}
	}
	var panicked *PanicError
	if errors.As(err, &panicked) {
		return &Error{Code: CodeInternal, Message: "internal error"}
	}
	return &Error{Code: codeOf(err, CodeUnknown), Status: statusOf(err), Message: err.Error()}
}

// ours reports whether this server made the error, not a Client within it.
func (e *Error) ours() bool { return !e.Remote && e.Node == (Node{}) && e.Code < CodeEncode }

// businessError makes the error of a response that has failed.
func businessError(err error) *Error {
	var own *Error
	if errors.As(err, &own) && own.Code == CodeBusiness {
		return own
	}
	return &Error{Code: CodeBusiness, Status: statusOf(err), Message: err.Error(), Err: err}
}

func statusOf(err error) int {
	var s interface{ StatusCode() int }
	if errors.As(err, &s) {
		return s.StatusCode()
	}
	return 0
}

// asBadRequest is the error of a request that could not be parsed or decoded.
func asBadRequest(err error) error {
	var own *Error
	if errors.As(err, &own) {
		return err
	}
	return &Error{Code: CodeBadRequest, Message: err.Error(), Err: err}
}

// asInternal is the error of a response that could not be encoded.
func asInternal(err error) error {
	var own *Error
	if errors.As(err, &own) {
		return err
	}
	return &Error{Code: CodeInternal, Message: "the response could not be encoded", Err: err}
}
