package endpoint

import (
	"context"
	"fmt"
	"runtime/debug"

	"github.com/go-kit/kit/endpoint"
	"github.com/go-kit/log"

	"github.com/muxkit/muxkit/muxpool/verdict"
	"github.com/muxkit/muxkit/transport"
)

// PanicError is a panic that became an error. Its text holds neither the stack
// nor more of the value than fits a line. errors.Is matches it with
// transport.ErrPanicked, so that a server answers it as internal, without its text.
type PanicError struct {
	Value any    // as given to panic
	Stack []byte // of the goroutine that panicked
}

func (e *PanicError) Error() string {
	return "muxendpoint: panic: " + shown(fmt.Sprint(e.Value), maxText)
}

// Unwrap returns the value if it is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// Is makes it match transport.ErrPanicked.
func (e *PanicError) Is(target error) bool { return target == transport.ErrPanicked }

// Verdict says that this side is broken, whatever the value is.
func (e *PanicError) Verdict() verdict.Verdict { return broken }

// Sent reports true: the request may have been sent before.
func (e *PanicError) Sent() bool { return true }

// broken is the verdict of a call that this process cannot make: every node and every
// attempt would come to the same end, and what was done before nobody knows.
var broken = verdict.Verdict{Code: verdict.CodeInternal, Whose: verdict.Caller}

// StatusCode returns 500: the HTTP status for the verdict.
func (e *PanicError) StatusCode() int { return broken.Code.HTTP() }

// newPanicError must be called by the deferred function that recovered v.
func newPanicError(v any) *PanicError {
	if e, ok := v.(*PanicError); ok {
		return e // it was carried here from another goroutine
	}
	return &PanicError{Value: v, Stack: debug.Stack()}
}

// Recovery turns a panic of the endpoint into a *PanicError, and logs it with its
// stack to logger, which may be nil. No retry follows: whether the request was sent
// is unknown, and this process would panic again.
func Recovery(logger log.Logger) endpoint.Middleware {
	if logger == nil {
		logger = log.NewNopLogger()
	}
	return func(next endpoint.Endpoint) endpoint.Endpoint {
		return func(ctx context.Context, request any) (response any, err error) {
			defer func() {
				if v := recover(); v != nil {
					e := newPanicError(v)
					logger.Log("msg", "panic in an endpoint", "panic", shown(fmt.Sprint(v), maxText), "stack", string(e.Stack))
					response, err = nil, e
				}
			}()
			return next(ctx, request)
		}
	}
}
