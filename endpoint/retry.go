package endpoint

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/go-kit/kit/endpoint"
	"github.com/go-kit/kit/sd/lb"

	"github.com/muxkit/muxkit/muxpool/deadline"
	"github.com/muxkit/muxkit/transport"
)

// Retry makes an endpoint that gives each call to a node that b chooses, and again if
// that failed and a further attempt does no harm. What an error means its verdict says
// (see verdict.Of):
//
//   - Not sent, as by an open breaker or a refused dial: tried elsewhere, at no cost.
//   - Refused, as the server's transport says: tried elsewhere, for an attempt.
//   - Any other: again if WithIdempotent declares the request idempotent, for an
//     attempt, a wait (WithBackoff) and a token of the Budget; without the token if it was
//     lost with its connection, by a node that has answered for it before.
//   - Definitive, as an answer of the business: never. Nor what the peer says is not
//     to be retried, nor, but for the first two, a call whose caller is retrying it
//     already (transport.CallerAttempt).
//
// The first two go to each node once at most. docs/endpoint.md has the whole table.
//
// max is the number of attempts, the first one included, default 3; timeout
// bounds all of them, and 0 leaves it to the caller's context. With a *Balancer it
// prefers nodes not tried yet, and fails at once when all are open, unless WithWait has it
// wait. Of a call that may not wait at most 16 further attempts in a row are free.
//
// With a *Balancer, an attempt of an idempotent request that has used its share of the time
// that is left is overtaken: the next one begins beside it, on another node, as with
// WithHedging.
//
// It runs in the caller's goroutine, and starts others only for WithHedging and for
// attempts that are overtaken: an endpoint must return when its context ends. An
// attempt's context ends when the attempt returns. Each failed call returns a
// *RetryError. It takes WithPerTryTimeout, WithBackoff, WithBudget, WithIdempotent,
// WithRetryIf, WithHedging, WithSpec, WithWait and WithMaxWaiting, and the options of
// WithCallOptions.
//
// Its place is that of go-kit's lb.Retry, and it takes any lb.Balancer.
func Retry(max int, timeout time.Duration, b lb.Balancer, opts ...Option) endpoint.Endpoint {
	cfg := newConfig([]Option{WithRetry(max, timeout)}).with(opts)
	return newRetry(b, cfg.byHand("Retry"))
}

// retrying is the endpoint that Retry makes.
type retrying struct {
	conf   atomic.Pointer[retryConfig] // read once for each call; what it points to does not change
	b      lb.Balancer
	nodes  *Balancer // b, if it tells its nodes
	method string    // of a Set's; for texts

	shares atomic.Pointer[shares] // nil: no attempt was watched yet
}

func newRetry(b lb.Balancer, cfg config) endpoint.Endpoint {
	r, err := newRetrying(b, cfg)
	if err != nil {
		return failing(err)
	}
	return r.serve
}

func newRetrying(b lb.Balancer, cfg config) (*retrying, error) {
	if b == nil {
		cfg.reject("Retry: nil balancer")
	}
	nodes, _ := b.(*Balancer)
	if nodes != nil {
		cfg.invalid = append(cfg.invalid, nodes.cfg.invalid...)
	}
	if err := cfg.err(); err != nil {
		return nil, err
	}
	r := &retrying{b: b, nodes: nodes}
	r.configure(cfg.retry)
	return r, nil
}

// configure puts settings in force for calls that begin from now on.
func (r *retrying) configure(set retryConfig) {
	set = set.withDefaults()
	r.conf.Store(&set)
}

func (r *retrying) serve(ctx context.Context, request any) (any, error) {
	set := r.conf.Load()
	if own := callOptionsOf(ctx); own != nil {
		if own.invalid != nil {
			return nil, own.invalid
		}
		set = set.forCall(own)
	}
	var c call // and no literal: the compiler would make that beside c, and copy it
	c.retrying, c.retryConfig, c.ctx, c.request = r, set, ctx, request
	if c.max > 0 && c.idempotent != nil { // asked once, before the call is at a node: it may panic
		c.twice = c.idempotent(request)
	}
	c.deadline, c.fresh = within(ctx, set.timeout)
	if c.max > 0 {
		c.budget.deposit()
		if c.fresh <= 0 || deadline.Noticed(ctx) != nil { // else there is time left, as within has just seen
			if err := c.ended(); err != nil {
				return nil, err
			}
		}
	}
	if c.hedgeAfter > 0 && c.twice && transport.CallerAttempt(ctx) == 1 {
		return c.hedged()
	}
	return c.run()
}
