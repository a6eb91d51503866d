package endpoint

import (
	"context"
	"sync/atomic"

	"github.com/go-kit/kit/endpoint"

	"github.com/muxkit/muxkit/muxpool/verdict"
)

// reached is what an attempt has done beneath the middlewares of WithNodeMiddleware. Theirs is the
// last word, and it may be of something else: of a breaker of their own, or of a call to another
// service, that was not made once the node had run this one.
type reached struct {
	ran atomic.Uint32 // a verdict.Ran that the node's endpoint came to, and one more; 0: it was not called
}

// reaching has the attempt know what next comes to.
func reaching(next endpoint.Endpoint) endpoint.Endpoint {
	return func(ctx context.Context, request any) (any, error) {
		r, ok := ctx.Value(contextKeyReached).(*reached)
		if !ok {
			return next(ctx, request)
		}
		ran := verdict.Maybe // remains if next panics
		defer func() { r.add(ran) }()
		response, err := next(ctx, request)
		if ran = verdict.Yes; err != nil {
			ran = verdict.Of(err).Ran
		}
		return response, err
	}
}

// add takes the end of a call. A middleware may make several, also at once.
func (r *reached) add(ran verdict.Ran) {
	for {
		old := r.ran.Load()
		most := ran
		if old != 0 {
			most = ran.Most(verdict.Ran(old - 1))
		}
		if r.ran.CompareAndSwap(old, uint32(most)+1) {
			return
		}
	}
}

// judged is err, which promises no more than is so: what was run, or may have been, is not to be made
// again for that something else was not sent.
func (r *reached) judged(err error) error {
	ran := r.ran.Load()
	if err == nil || ran == 0 {
		return err
	}
	v := verdict.Of(err)
	if !v.SafeToRetry() {
		return err
	}
	if v.Ran = v.Ran.Most(verdict.Ran(ran - 1)); v.SafeToRetry() {
		return err
	}
	return verdict.Tell(err, v)
}
