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
		f := &fleet{do: func(muxpool.Node, context.Context) error { return errUnsent }}
		retryOver(f, 0, 0, abc, WithBackoff(0, 0))(t.Context(), nil)
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
		"WithBudget(nil)":         Retry(1, 0, b, WithBudget(nil)),
		"NewBudget(7, 1)":         Retry(1, 0, b, WithBudget(NewBudget(7, 1))),
		"WithIdempotent(nil)":     Retry(1, 0, b, WithIdempotent(nil)),
		"WithRetryIf(nil)":        Retry(1, 0, b, WithRetryIf(nil)),
		"WithHedging(-1ns)":       Retry(1, 0, b, WithHedging(-1)),
	} {
		_, err := ep(t.Context(), nil)
		mustBe(t, err, ErrInvalidOption)
		if err != nil && !strings.Contains(err.Error(), name) {
			t.Errorf("%v does not name %s", err, name)
		}
	}
}
