package breaker

import (
	"context"
	"errors"

	"github.com/go-kit/kit/endpoint"
	"github.com/go-kit/kit/ratelimit"
	"github.com/sony/gobreaker"

	"github.com/muxkit/muxkit/muxpool"
)

// Outcome is what a call says about its node.
type Outcome uint8

const (
	// Success: the node did what it was asked.
	Success Outcome = iota
	// Failure: the node did not.
	Failure
	// Neutral: nothing was learned about the node.
	Neutral
)

// Classifier judges a call by its context, answer and error. It runs on the
// call path, possibly many times at once, and must not block. For a probe that
// has not ended by its deadline, or whose caller left, it gets the context's
// error while the call still runs.
type Classifier func(ctx context.Context, response any, err error) Outcome

// DefaultClassifier holds neutral what tells nothing about the node:
//   - the caller cancelled: ctx ended with context.Canceled, or the error
//     says so and ctx lives no more;
//   - a limiter or another breaker refused the call: ratelimit.ErrLimited,
//     gobreaker.ErrOpenState, gobreaker.ErrTooManyRequests;
//   - the pool refused it at home: closed, the MuxConn closed by its user, the send
//     queue full, a duplicate id, an invalid option, or a frame too large to be
//     sent;
//   - an error in whose chain a method Neutral() bool returns true.
//
// Any other error is a failure, the context's deadline included: a node that
// does not answer in time shows itself in no other way. So is an answer that
// implements endpoint.Failer and Failed.
func DefaultClassifier(ctx context.Context, response any, err error) Outcome {
	if err == nil {
		if f, ok := response.(endpoint.Failer); ok && f.Failed() != nil {
			return Failure
		}
		return Success
	}
	if ctx.Err() == context.Canceled || atHome(err) {
		return Neutral
	}
	return Failure
}

var homeMade = []error{
	ratelimit.ErrLimited, gobreaker.ErrOpenState, gobreaker.ErrTooManyRequests,
	muxpool.ErrPoolClosed, muxpool.ErrMuxConnClosed, muxpool.ErrSendQueueFull, muxpool.ErrDupRequestID,
	muxpool.ErrInvalidOption, muxpool.ErrFrameParserNil, muxpool.ErrNetworkNotSupport,
}

// atHome reports whether err arose before the node had a part in the call.
func atHome(err error) bool {
	var n interface{ Neutral() bool }
	if errors.As(err, &n) && n.Neutral() {
		return true
	}
	for _, e := range homeMade {
		if errors.Is(err, e) {
			return true
		}
	}
	return errors.Is(err, muxpool.ErrFrameTooLarge) && unsent(err)
}

// unsent reports whether err promises that no byte was sent.
func unsent(err error) bool {
	var s interface{ Sent() bool }
	return errors.As(err, &s) && !s.Sent()
}

// isSuccessful is the IsSuccessful of a gobreaker.Settings.
type isSuccessful func(error) bool

func (f isSuccessful) classify(ctx context.Context, response any, err error) Outcome {
	if err != nil && DefaultClassifier(ctx, response, err) == Neutral {
		return Neutral
	}
	if f(err) {
		return Success
	}
	return Failure
}
