package endpoint

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/kit/endpoint"
	"github.com/go-kit/kit/sd"
	"github.com/go-kit/kit/sd/lb"

	"github.com/muxkit/muxkit/breaker"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
)

// retryOver makes a Retry over the named nodes, in turn.
func retryOver(f *fleet, max int, timeout time.Duration, names []string, opts ...Option) endpoint.Endpoint {
	return Retry(max, timeout, NewBalancer(f.nodes(names...), WithPolicy(RoundRobin)), opts...)
}

var abc = []string{"a", "b", "c"}

func TestRetryPrefersNodesNotTried(t *testing.T) {
	for _, p := range policies {
		for range 20 {
			synctest.Test(t, func(t *testing.T) {
				f := &fleet{do: script(errUnsent, errUnsent)}
				if _, err := Retry(3, 0, NewBalancer(f.nodes(abc...), WithPolicy(p)))(t.Context(), nil); err != nil {
					t.Fatal(err)
				}
				called := f.called()
				slices.Sort(called)
				if !slices.Equal(called, []string{"a:1", "b:1", "c:1"}) {
					t.Errorf("%v: called %v", p, called)
				}
			})
		}
	}
}

func TestRetryOnTheOnlyNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fleet{do: script(errLost, errLost)}
		if _, err := retryOver(f, 3, 0, []string{"a"}, WithIdempotent(Always))(t.Context(), nil); err != nil {
			t.Error(err)
		}
	})
}

func TestBudgetBoundsRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fleet{do: func(muxpool.Node, context.Context) error { return errLost }}
		ep := retryOver(f, 3, 0, abc, WithBudget(NewBudget(0.1, 5)), WithIdempotent(Always))
		const calls = 1000
		budget := 0
		for range calls {
			_, err := ep(t.Context(), nil)
			if as[*RetryError](t, err).GaveUp == GaveUpBudget {
				budget++
			}
		}
		if retries := len(f.called()) - calls; retries > 5+calls/10 || retries < calls/10-1 {
			t.Errorf("%d retries of %d calls", retries, calls)
		}
		if budget < calls/2 {
			t.Errorf("%d calls were told of the budget", budget)
		}
	})
}

func TestAllNodesOpenFailsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fleet{}
		begin := time.Now()
		b := NewBalancer(f.nodes(abc...), withBreakers(newSwitchboard(node("a"), node("b"), node("c"))))
		_, err := Retry(3, time.Minute, b)(t.Context(), nil)
		equal(t, "took", time.Since(begin), 0)
		equal(t, "nodes told", len(as[*AllOpenError](t, err).Nodes), 3)
		e := as[*RetryError](t, err)
		equal(t, "gave up", e.GaveUp, GaveUpNoNode)
		equal(t, "attempts", len(e.Attempts), 0)
		equal(t, "sent", e.Sent(), false)
		equal(t, "calls", len(f.called()), 0)
	})
}

// The nodes open while the call is under way: both its attempt and the reasons
// of the nodes are told.
func TestAllNodesOpenAfterAnAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSwitchboard()
		f := &fleet{do: func(muxpool.Node, context.Context) error {
			s.open[node("a")] = &breaker.OpenError{Node: node("a")}
			return errUnsent
		}}
		_, err := Retry(3, 0, NewBalancer(f.nodes("a"), withBreakers(s)))(t.Context(), nil)
		mustBe(t, err, errUnsent, s.open[node("a")])
	})
}

func TestRetryOverAForeignBalancer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fleet{do: script(&muxpool.Error{Op: "get", Node: node("a"), Err: errUnsent}, &transport.Error{Code: transport.CodeInternal, Node: node("b")}, errUnsent, errLost, errLost)}
		foreign := lb.NewRoundRobin(sd.FixedEndpointer{f.endpoint(node("a")), f.endpoint(node("b")), f.endpoint(node("c"))})
		_, err := Retry(3, 0, foreign, WithIdempotent(Always))(t.Context(), nil)
		e := as[*RetryError](t, err)
		for i, want := range []muxpool.Node{node("a"), node("b"), {}, {}} {
			equal(t, "node", e.Attempts[i].Node, want)
		}
		_, err = Retry(3, 0, lb.NewRoundRobin(sd.FixedEndpointer{}))(t.Context(), nil)
		mustBe(t, err, lb.ErrNoEndpoints)
	})
}
