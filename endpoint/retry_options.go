package endpoint

import "time"

// retryConfig is what the options of Retry set. A zero max means no retries and
// bare errors: a Set without WithRetry.
type retryConfig struct {
	max        int
	timeout    time.Duration
	perTry     time.Duration
	backoff    backoff
	budget     *Budget
	ownBudget  bool // budget was made for nil
	idempotent func(request any) bool
	retryIf    func(error) bool
	hedgeAfter time.Duration
	patient    bool          // calls wait for nodes
	maxWait    time.Duration // 0: defaultWait, or the context's time
	maxWaiting int
	key        affinity // of one call only
}

const defaultRetryMax = 3

// WithRetry makes a Set retry: at most max attempts for a call, the first one
// included (default 3), all within timeout, if it ends before the caller's
// context does. What the call waits for a node does not count for it (see WithWait), nor, where
// it may wait, what attempts have taken that were not sent. A
// timeout of zero leaves it to the caller's context. See Retry. Without this
// option a Set makes no further attempts but those that cost nothing, and returns the last
// one's error as it is.
func WithRetry(max int, timeout time.Duration) Option {
	return func(c *config) {
		if max < 0 || timeout < 0 {
			c.reject("WithRetry(%d, %v) is negative", max, timeout)
			return
		}
		if max == 0 {
			max = defaultRetryMax
		}
		c.retry.max, c.retry.timeout = max, timeout
	}
}

// WithPerTryTimeout bounds each attempt. Default 0: none but those of the call.
// An attempt that ends so may have been run: it is retried only if the request
// is idempotent.
func WithPerTryTimeout(d time.Duration) Option {
	return func(c *config) {
		if d < 0 {
			c.reject("WithPerTryTimeout(%v) is negative", d)
			return
		}
		c.retry.perTry = d
	}
}

// WithBackoff sets the wait before a retry: drawn evenly from zero to a bound,
// which doubles from initial (default 5 ms) up to limit (default 100 ms).
func WithBackoff(initial, limit time.Duration) Option {
	return func(c *config) {
		if initial < 0 || limit < 0 {
			c.reject("WithBackoff(%v, %v) is negative", initial, limit)
			return
		}
		if initial > 0 && limit > 0 && initial > limit {
			c.reject("WithBackoff(%v, %v): initial is over limit", initial, limit)
			return
		}
		c.retry.backoff = backoff{initial, limit}
	}
}

// WithBudget bounds retries and hedges that may make a peer run a request twice. Default,
// also for nil, is one of NewBudget(0, 0): 10% of the calls. Methods of a Set share its
// Budget, unless (*Set).Endpoint gets one: nil is a default Budget of its own there.
func WithBudget(b *Budget) Option {
	return func(c *config) {
		c.retry.budget, c.retry.ownBudget = b, b == nil
		if b == nil {
			c.retry.budget = NewBudget(0, 0)
			return
		}
		if b.err != nil {
			c.invalid = append(c.invalid, b.err)
		}
	}
}

// WithoutBudget bounds retries and hedges by nothing but their attempts: for tests and
// for callers who bound them elsewhere.
func WithoutBudget() Option { return WithBudget(unbounded) }

// WithIdempotent declares which requests do no harm when the peer gets them
// twice, so that they may be retried although they may have been run. Default, also
// for nil: none. For a method whose requests all are, give (*Set).Endpoint the option
// WithIdempotent(Always). The function is asked once for each call, in the caller's goroutine.
func WithIdempotent(idempotent func(request any) bool) Option {
	return func(c *config) { c.retry.idempotent = idempotent }
}

// Always reports true; see WithIdempotent.
func Always(any) bool { return true }

// WithRetryIf narrows which errors of idempotent requests that may have been
// run are retried. What would come to the same end again is known without it. Default,
// also for nil: all.
func WithRetryIf(retryIf func(err error) bool) Option {
	return func(c *config) { c.retry.retryIf = retryIf }
}

// WithHedging sends an idempotent request to a further node when the attempts
// under way have not answered for delay, and takes the first answer, be it one of the
// business or that the request makes no sense. A hedge counts as an attempt and takes
// from the Budget. Once there is an answer, the other attempts are cancelled, those that
// began before the one that has it with the cause verdict.ErrOvertaken, and waited for,
// since they use the request: a node's endpoint must return when its context ends. Default 0: no hedging.
// Without WithRetry it makes two attempts at most.
func WithHedging(delay time.Duration) Option {
	return func(c *config) {
		if delay < 0 {
			c.reject("WithHedging(%v) is negative", delay)
			return
		}
		c.retry.hedgeAfter = delay
	}
}

// withDefaults fills what the options left at zero.
func (r retryConfig) withDefaults() retryConfig {
	if r.backoff.initial == 0 {
		r.backoff.initial = defaultBackoffInitial
		if r.backoff.limit != 0 {
			r.backoff.initial = min(r.backoff.initial, r.backoff.limit)
		}
	}
	if r.backoff.limit == 0 {
		r.backoff.limit = max(r.backoff.initial, defaultBackoffLimit)
	}
	if r.hedgeAfter > 0 && r.max == 0 {
		r.max = 2
	}
	if r.maxWaiting == 0 {
		r.maxWaiting = defaultMaxWaiting
	}
	if r.budget == nil {
		r.budget = NewBudget(0, 0)
	}
	return r
}
