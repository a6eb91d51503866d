package endpoint

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/kit/endpoint"

	"github.com/muxkit/muxkit/muxpool"
)

func TestRetryDefaults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fleet{do: func(muxpool.Node, context.Context) error { return errLost }}
		retryOver(f, 0, 0, abc, WithBackoff(0, 0), WithIdempotent(Always))(t.Context(), nil)
		equal(t, "attempts", len(f.called()), 3)
	})
	for set, want := range map[backoff]backoff{
		{}:                       {5 * time.Millisecond, 100 * time.Millisecond},
		{0, time.Millisecond}:    {time.Millisecond, time.Millisecond},
		{time.Second, 0}:         {time.Second, time.Second},
		{time.Second, time.Hour}: {time.Second, time.Hour},
	} {
		equal(t, "backoff", retryConfig{backoff: set}.withDefaults().backoff, want)
	}
}

func TestRetryInvalidOptions(t *testing.T) {
	b := NewBalancer(FixedEndpointer{})
	for name, ep := range map[string]endpoint.Endpoint{
		"WithRetry(-1, 0s)":       Retry(-1, 0, b),
		"WithRetry(1, -1s)":       Retry(1, -time.Second, b),
		"nil balancer":            Retry(1, 0, nil),
		"WithPolicy":              Retry(1, 0, NewBalancer(FixedEndpointer{}, WithPolicy(9))),
		"WithPerTryTimeout(-1ns)": Retry(1, 0, b, WithPerTryTimeout(-1)),
		"WithBackoff(-1ns, 0s)":   Retry(1, 0, b, WithBackoff(-1, 0)),
		"initial is over limit":   Retry(1, 0, b, WithBackoff(2, 1)),
		"NewBudget(7, 1)":         Retry(1, 0, b, WithBudget(NewBudget(7, 1))),
		"WithJudging":             Retry(1, 0, b, WithJudging(nil)),
		"WithHedging(-1ns)":       Retry(1, 0, b, WithHedging(-1)),
	} {
		_, err := ep(t.Context(), nil)
		mustBe(t, err, ErrInvalidOption)
		if err != nil && !strings.Contains(err.Error(), name) {
			t.Errorf("%v does not name %s", err, name)
		}
	}
}

// Nil is the documented default, also on top of what was set before; "off" has a word of
// its own.
func TestNilIsTheDefaultOfAnOption(t *testing.T) {
	never := func(error) bool { return false }
	base := []Option{WithRetry(3, 0), WithBudget(NewBudget(1, 1)), WithIdempotent(Always), WithRetryIf(never)}
	set := newConfig(append(base, WithBudget(nil), WithIdempotent(nil), WithRetryIf(nil), WithNodeParser(nil)))
	if err := set.err(); err != nil {
		t.Fatal(err)
	}
	equal(t, "idempotent is none", set.retry.idempotent == nil, true)
	equal(t, "all errors are retried", set.retry.retryIf == nil, true)
	if n, err := set.parseNode("a:1"); err != nil || n != node("a") {
		t.Errorf("the default parser: %v, %v", n, err)
	}
	equal(t, "the default budget's burst", set.retry.budget.burst, defaultBudgetBurst*1000)

	synctest.Test(t, func(t *testing.T) {
		f := &fleet{do: func(muxpool.Node, context.Context) error { return errLost }}
		ep := retryOver(f, 3, 0, abc, WithoutBudget(), WithIdempotent(Always))
		for range 100 {
			ep(t.Context(), nil)
		}
		equal(t, "attempts without a budget", len(f.called()), 300)
	})
}
