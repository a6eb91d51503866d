package endpoint

import (
	"context"
	"time"

	"github.com/go-kit/kit/endpoint"
	"github.com/go-kit/log"

	"github.com/muxkit/muxkit/muxpool/verdict"
)

// Logging logs each call that failed in one line, with its method, duration, error and
// what that means (verdict.Call), and with its attempt and node where it wraps attempts
// (WithNodeMiddleware). The error's text may come from a peer: it is cut at 256 bytes,
// and quoted if it does not print. An answer that is a failed endpoint.Failer is logged
// as well.
func Logging(logger log.Logger, method string) endpoint.Middleware {
	return logging(logger, method, false)
}

// LoggingAll is Logging for all calls, also those that succeeded.
func LoggingAll(logger log.Logger, method string) endpoint.Middleware {
	return logging(logger, method, true)
}

func logging(logger log.Logger, method string, all bool) endpoint.Middleware {
	return func(next endpoint.Endpoint) endpoint.Endpoint {
		if logger == nil {
			return next
		}
		return func(ctx context.Context, request any) (any, error) {
			begin := time.Now()
			response, err := next(ctx, request)
			told := err
			if told == nil {
				told = failureOf(response)
			}
			if all || told != nil {
				logger.Log(line(ctx, method, time.Since(begin), told, verdict.Call(ctx, response, err))...)
			}
			return response, err
		}
	}
}

func line(ctx context.Context, method string, took time.Duration, err error, v verdict.Verdict) []any {
	keyvals := []any{"method", shown(method, maxText), "took", took}
	if a, ok := AttemptFromContext(ctx); ok {
		keyvals = append(keyvals, "attempt", a.Number, "node", shown(a.Node.String(), maxText))
	}
	if err != nil {
		keyvals = append(keyvals, "err", said(err, maxText), "verdict", v)
	}
	return keyvals
}

// failureOf is the error of the business in a response, if it holds one.
func failureOf(response any) error {
	if f, ok := response.(endpoint.Failer); ok {
		return f.Failed()
	}
	return nil
}
