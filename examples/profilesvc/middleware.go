package profilesvc

import (
	"context"
	"time"

	"github.com/go-kit/kit/endpoint"
	"github.com/go-kit/log"
)

// Logging logs each call, with the id that its request came with.
func Logging(logger log.Logger) func(method string) endpoint.Middleware {
	return func(method string) endpoint.Middleware {
		return func(next endpoint.Endpoint) endpoint.Endpoint {
			return func(ctx context.Context, request any) (response any, err error) {
				defer func(begin time.Time) {
					no := err
					if f, ok := response.(endpoint.Failer); ok && err == nil {
						no = f.Failed()
					}
					_ = logger.Log("method", method, "id", RequestID(ctx), "err", no, "took", time.Since(begin))
				}(time.Now())
				return next(ctx, request)
			}
		}
	}
}

type requestIDKey struct{}

// WithRequestID returns a context of a request with an id.
func WithRequestID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestIDKey{}, id)
}

// RequestID returns the id of the context's request, empty if it has none.
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}
