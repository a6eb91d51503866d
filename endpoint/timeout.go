package endpoint

import (
	"context"
	"time"

	"github.com/go-kit/kit/endpoint"

	"github.com/muxkit/muxkit/muxpool/deadline"
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
			end := earlier(ctx, time.Time{}, d)
			if end.IsZero() {
				return next(ctx, request)
			}
			ctx, cancel := deadline.WithDeadline(ctx, end)
			defer cancel()
			return next(ctx, request)
		}
	}
}

// failing is an endpoint that cannot do its work.
func failing(err error) endpoint.Endpoint {
	return func(context.Context, any) (any, error) { return nil, err }
}
