package endpoint

import (
	"context"
	"time"

	"github.com/go-kit/kit/endpoint"
)

// Timeout bounds a call. If the caller's context ends before d, it is left as it
// is, which costs nothing; else the endpoint gets a context that ends after d,
// and returns when it notices: no goroutine waits beside it. Default 0: no bound.
// A negative d fails every call with ErrInvalidOption.
func Timeout(d time.Duration) endpoint.Middleware {
	return func(next endpoint.Endpoint) endpoint.Endpoint {
		if d == 0 {
			return next
		}
		if d < 0 {
			return failing(invalid("Timeout(%v) is negative", d))
		}
		return func(ctx context.Context, request any) (any, error) {
			deadline := earlier(ctx, time.Time{}, d)
			if deadline.IsZero() {
				return next(ctx, request)
			}
			c := &deadlineContext{Context: ctx, deadline: deadline}
			defer c.end()
			return next(c, request)
		}
	}
}

// failing is an endpoint that cannot do its work.
func failing(err error) endpoint.Endpoint {
	return func(context.Context, any) (any, error) { return nil, err }
}
