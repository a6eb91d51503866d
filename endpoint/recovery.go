package endpoint

import (
	"context"
	"fmt"
	"runtime/debug"

	"github.com/go-kit/kit/endpoint"
	"github.com/go-kit/log"
)

// PanicError is a panic that became an error. Its text holds neither the stack
// nor more of the value than fits a line, since it may travel to a peer.
type PanicError struct {
	Value any    // as given to panic
	Stack []byte // of the goroutine that panicked
}

func (e *PanicError) Error() string {
	return "muxendpoint: panic: " + quote(fmt.Sprint(e.Value), maxText)
}

// Unwrap returns the value if it is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// newPanicError must be called by the deferred function that recovered v.
func newPanicError(v any) *PanicError {
	if e, ok := v.(*PanicError); ok {
		return e // it was carried here from another goroutine
	}
	return &PanicError{Value: v, Stack: debug.Stack()}
}

// Recovery turns a panic of the endpoint into a *PanicError, and logs it with its
// stack to logger, which may be nil. Whether the request was sent is unknown
// then, so that no retry follows unless it is idempotent.
func Recovery(logger log.Logger) endpoint.Middleware {
	if logger == nil {
		logger = log.NewNopLogger()
	}
	return func(next endpoint.Endpoint) endpoint.Endpoint {
		return func(ctx context.Context, request any) (response any, err error) {
			defer func() {
				if v := recover(); v != nil {
					e := newPanicError(v)
					logger.Log("msg", "panic in an endpoint", "panic", quote(fmt.Sprint(v), maxText), "stack", string(e.Stack))
					response, err = nil, e
				}
			}()
			return next(ctx, request)
		}
	}
}
