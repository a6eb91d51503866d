package endpoint

import (
	"context"
	"fmt"
	"time"

	"github.com/go-kit/kit/endpoint"
	"github.com/go-kit/kit/sd/lb"

	"github.com/muxkit/muxkit/muxpool"
)

// Retry makes an endpoint that gives each call to a node that b chooses, and
// again if that failed and a retry does no harm: when nothing was sent (the
// error's Sent method reports false), when the server refused to run it (Refused
// reports true), or when WithIdempotent declares the request idempotent. A call
// that a breaker refused costs neither an attempt, nor a wait, nor the budget.
//
// max is the number of attempts, the first one included, default 3; timeout
// bounds all of them, and 0 leaves it to the caller's context. Between attempts
// it waits as WithBackoff says. With a *Balancer it prefers nodes not tried yet,
// and fails at once when all are open.
//
// It runs in the caller's goroutine, and starts others only for WithHedging: an
// endpoint must return when its context ends. An attempt's context ends when the
// attempt returns. Each failed call returns a
// *RetryError. It takes WithPerTryTimeout, WithBackoff, WithBudget,
// WithIdempotent, WithRetryIf and WithHedging.
//
// Its place is that of go-kit's lb.Retry, and it takes any lb.Balancer.
func Retry(max int, timeout time.Duration, b lb.Balancer, opts ...Option) endpoint.Endpoint {
	cfg := newConfig([]Option{WithRetry(max, timeout)}).with(opts)
	return newRetry(b, cfg)
}

// retrying is the endpoint that Retry makes.
type retrying struct {
	retryConfig
	b     lb.Balancer
	nodes *Balancer // b, if it tells its nodes
}

func newRetry(b lb.Balancer, cfg config) endpoint.Endpoint {
	if b == nil {
		cfg.refuse("Retry: nil balancer")
	}
	nodes, _ := b.(*Balancer)
	if nodes != nil {
		cfg.invalid = append(cfg.invalid, nodes.cfg.invalid...)
	}
	if err := cfg.err(); err != nil {
		return failing(err)
	}
	r := &retrying{retryConfig: cfg.retry.withDefaults(), b: b, nodes: nodes}
	return r.serve
}

func (r *retrying) serve(ctx context.Context, request any) (any, error) {
	c := call{retrying: r, ctx: ctx, request: request, deadline: earlier(ctx, time.Time{}, r.timeout)}
	if r.max > 0 {
		r.budget.deposit()
		if err := c.ended(); err != nil {
			return nil, err
		}
	}
	if r.hedgeAfter > 0 && r.isIdempotent(request) {
		return c.runHedged()
	}
	return c.run()
}

func (r *retrying) isIdempotent(request any) bool {
	return r.idempotent != nil && r.idempotent(request)
}

// call is one logical call, owned by its caller's goroutine.
type call struct {
	*retrying
	ctx      context.Context // the caller's
	request  any
	deadline time.Time // that of the timeout; zero if there is none, or ctx's is earlier

	number   int       // attempts begun
	refused  int       // calls that a breaker refused since the last attempt
	failures []Failure // attempts that failed
	avoid    avoided   // nodes that failed or refused
}

// maxRefused bounds how many refusals in a row cost nothing, for balancers that
// keep choosing open nodes.
const maxRefused = 16

// run makes attempts until one succeeds or the call is given up.
func (c *call) run() (any, error) {
	for {
		t, err := c.choose()
		if err != nil {
			return nil, c.giveUp(GaveUpNoNode, err)
		}
		response, err := t.run(c.ctx, c.request, earlier(c.ctx, c.deadline, c.perTry))
		if err == nil {
			return response, nil
		}
		if c.passes(t, err) {
			continue
		}
		if err := c.again(); err != nil {
			return nil, err
		}
	}
}

// passes takes note of a failed attempt, and reports whether it costs nothing.
func (c *call) passes(t try, err error) bool {
	if t.node == (muxpool.Node{}) {
		t.node = nodeOf(err)
	}
	c.avoid = append(c.avoid, t.node)
	if isRefusal(err) && c.refused < maxRefused && c.ctx.Err() == nil {
		c.refused++
		c.number--
		return true
	}
	c.refused = 0
	c.failures = append(c.failures, Failure{Number: t.number, Node: t.node, Err: err})
	return false
}

// again waits for the next attempt, or says why there is none.
func (c *call) again() error {
	if err := c.ended(); err != nil {
		return err
	}
	last := c.failures[len(c.failures)-1].Err
	switch {
	case !c.retryable(last):
		return c.giveUp(GaveUpNotRetryable, nil)
	case c.number >= c.max:
		return c.giveUp(GaveUpAttempts, nil)
	}
	wait := c.backoff.wait(len(c.failures))
	switch next := time.Now().Add(wait); {
	case endsBefore(c.ctx, next):
		return c.giveUp(GaveUpContext, nil)
	case !c.deadline.IsZero() && !next.Before(c.deadline):
		return c.giveUp(GaveUpTimeout, nil)
	case !c.budget.withdraw():
		return c.giveUp(GaveUpBudget, nil)
	}
	if sleep(c.ctx, wait) != nil {
		return c.ended()
	}
	return nil
}

// ended returns the call's error if its time is over.
func (c *call) ended() error {
	if err := c.ctx.Err(); err != nil {
		if cause := context.Cause(c.ctx); cause != err {
			err = fmt.Errorf("%w: %w", err, cause)
		}
		return c.giveUp(GaveUpContext, err)
	}
	if !c.deadline.IsZero() && time.Until(c.deadline) <= 0 {
		return c.giveUp(GaveUpTimeout, context.DeadlineExceeded)
	}
	return nil
}

func (c *call) retryable(err error) bool {
	switch {
	case pointless(err):
		return false
	case harmless(err):
		return true
	case c.retryIf != nil && !c.retryIf(err):
		return false
	}
	return c.isIdempotent(c.request)
}

// giveUp makes the call's error.
func (c *call) giveUp(why GaveUp, cause error) error {
	if c.max == 0 { // without retries, errors pass as they are
		if len(c.failures) > 0 {
			return c.failures[len(c.failures)-1].Err
		}
		return cause
	}
	return &RetryError{GaveUp: why, Attempts: c.failures, Cause: cause}
}
