package endpoint

import (
	"context"
	"fmt"

	"github.com/go-kit/kit/endpoint"
	"github.com/go-kit/kit/ratelimit"

	"github.com/muxkit/muxkit/muxpool/verdict"
)

// LimitError: a call was refused because as many as Limit were in flight. It
// unwraps to go-kit's ratelimit.ErrLimited and to Cause.
type LimitError struct {
	Limit int
	Cause error // why waiting ended; nil if the call did not wait
}

func (e *LimitError) Error() string {
	s := fmt.Sprintf("muxendpoint: %d calls are in flight, no more are allowed", e.Limit)
	if e.Cause != nil {
		s += ": " + e.Cause.Error()
	}
	return s
}

// Verdict says that the call can be taken elsewhere or later, and was not sent.
func (e *LimitError) Verdict() verdict.Verdict {
	return verdict.Verdict{Code: verdict.CodeResourceExhausted, Whose: verdict.Overload, Ran: verdict.NotSent}
}

// StatusCode returns 429: the HTTP status for the verdict.
func (e *LimitError) StatusCode() int { return e.Verdict().Code.HTTP() }

// Sent reports false: nothing was sent.
func (e *LimitError) Sent() bool { return false }

// Unwrap returns ratelimit.ErrLimited and the cause.
func (e *LimitError) Unwrap() []error {
	if e.Cause == nil {
		return []error{ratelimit.ErrLimited}
	}
	return []error{ratelimit.ErrLimited, e.Cause}
}

// Limit lets at most n calls be in flight at once in each endpoint that it wraps,
// and refuses others at once with a LimitError. n under 1 fails every call with
// ErrInvalidOption.
func Limit(n int) endpoint.Middleware {
	return limit("Limit", n, func(ctx context.Context, places chan struct{}) error {
		select {
		case places <- struct{}{}:
			return nil
		default:
			return &LimitError{Limit: n}
		}
	})
}

// LimitWait is Limit with others waiting for their turn, until their context
// ends: the LimitError then has that as its cause.
func LimitWait(n int) endpoint.Middleware {
	return limit("LimitWait", n, func(ctx context.Context, places chan struct{}) error {
		select {
		case places <- struct{}{}:
			return nil
		case <-ctx.Done():
			return &LimitError{Limit: n, Cause: ctx.Err()}
		}
	})
}

func limit(name string, n int, enter func(context.Context, chan struct{}) error) endpoint.Middleware {
	return func(next endpoint.Endpoint) endpoint.Endpoint {
		if n < 1 {
			return failing(invalid("%s(%d) allows no call", name, n))
		}
		places := make(chan struct{}, n)
		return func(ctx context.Context, request any) (any, error) {
			if err := enter(ctx, places); err != nil {
				return nil, err
			}
			defer func() { <-places }()
			return next(ctx, request)
		}
	}
}
