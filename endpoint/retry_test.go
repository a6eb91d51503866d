package endpoint

import (
	"context"
	"errors"
	"slices"
	"strings"
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

func TestRetryOfWhatWasNotSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fleet{do: script(errUnsent, errUnsent)}
		got, err := retryOver(f, 3, 0, abc)(t.Context(), "hello")
		if err != nil || got != "hello from c:1" {
			t.Errorf("answer: %v, %v", got, err)
		}
		equal(t, "calls", len(f.called()), 3)
	})
}

func TestRetryLeavesAloneWhatMayHaveBeenSent(t *testing.T) {
	for _, cause := range []error{errLost, errors.New("unknown"), context.DeadlineExceeded} {
		f := &fleet{do: script(cause)}
		_, err := retryOver(f, 3, 0, abc)(t.Context(), "hello")
		mustBe(t, err, cause)
		e := as[*RetryError](t, err)
		equal(t, "gave up", e.GaveUp, GaveUpNotRetryable)
		equal(t, "sent", e.Sent(), true)
		equal(t, "calls", len(f.called()), 1)
	}
}

func TestRetryOfIdempotentRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reads := WithIdempotent(func(request any) bool { return request == "read" })
		f := &fleet{do: script(errLost, errors.New("unknown"))}
		if _, err := retryOver(f, 3, 0, abc, reads)(t.Context(), "read"); err != nil {
			t.Error(err)
		}
		equal(t, "calls of a read", len(f.called()), 3)
		f = &fleet{do: script(errLost)}
		if _, err := retryOver(f, 3, 0, abc, reads)(t.Context(), "write"); err == nil {
			t.Error("a write that may have been sent was retried")
		}
		equal(t, "calls of a write", len(f.called()), 1)
	})
}

func TestRetryIfNarrowsIdempotentRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		final := errors.New("no such key")
		opts := []Option{WithIdempotent(Always), WithRetryIf(func(err error) bool { return !errors.Is(err, final) })}
		f := &fleet{do: script(errLost, final)}
		_, err := retryOver(f, 5, 0, abc, opts...)(t.Context(), nil)
		mustBe(t, err, errLost, final)
		equal(t, "calls", len(f.called()), 2)

		f = &fleet{do: script(errUnsent)} // never left: harmless, whatever RetryIf says
		if _, err := retryOver(f, 5, 0, abc, WithRetryIf(func(error) bool { return false }))(t.Context(), nil); err != nil {
			t.Error(err)
		}
	})
}

// What a server refused without running it may be sent again; what is wrong with
// the request itself is wrong on every node.
func TestRetryReadsTheTransportsCodes(t *testing.T) {
	for code, calls := range map[transport.Code]int{
		transport.CodeOverloaded: 2, transport.CodeUnavailable: 2, transport.CodeConnection: 2, transport.CodeInternal: 2,
		transport.CodeTimeout: 2, transport.CodeBusiness: 1, transport.CodeUnknownMethod: 1, transport.CodeBadRequest: 1,
		transport.CodeTooLarge: 1, transport.CodeEncode: 1, transport.CodeInvalid: 1,
	} {
		synctest.Test(t, func(t *testing.T) {
			f := &fleet{do: script(&transport.Error{Code: code, Remote: true})}
			retryOver(f, 2, 0, abc, WithIdempotent(Always))(t.Context(), nil)
			equal(t, "calls after "+code.String(), len(f.called()), calls)
		})
	}
	e := &transport.Error{Code: transport.CodeOverloaded, Remote: true}
	equal(t, "a server's refusal is harmless", harmless(errors.Join(&muxpool.Error{Err: e}, e)), true)
	equal(t, "a server's failure is not", harmless(&failureRefused{}), false)
}

type failureRefused struct{ failure }

func (*failureRefused) Sent() bool    { return true }
func (*failureRefused) Refused() bool { return false }

func TestRetryErrorHoldsEveryCauseNodeAndNumber(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one, two, three := &failure{"one", false}, &failure{"two", true}, &failure{"three", false}
		f := &fleet{do: script(one, two, three)}
		_, err := retryOver(f, 3, time.Minute, abc, WithIdempotent(Always))(t.Context(), nil)
		mustBe(t, err, one, two, three)
		e := as[*RetryError](t, err)
		equal(t, "gave up", e.GaveUp, GaveUpAttempts)
		want := []Failure{{1, node("a"), one}, {2, node("b"), two}, {3, node("c"), three}}
		if !slices.Equal(e.Attempts, want) {
			t.Errorf("attempts %v", e.Attempts)
		}
		equal(t, "sent", e.Sent(), true)
		equal(t, "text", err.Error(), "muxendpoint: gave up after 3 attempts (attempts); [1 tcp://a:1] one; [2 tcp://b:1] two; [3 tcp://c:1] three")
	})
}

func TestRetryErrorIsNotSentIfNoAttemptWas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, err := retryOver(&fleet{do: script(errUnsent, errUnsent)}, 2, 0, abc)(t.Context(), nil)
		equal(t, "sent", as[*RetryError](t, err).Sent(), false)
	})
}

func TestRetryWaitsWithinTheBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var waits []time.Duration
		last := time.Now()
		f := &fleet{do: func(muxpool.Node, context.Context) error {
			waits = append(waits, time.Since(last))
			last = time.Now()
			return errUnsent
		}}
		retryOver(f, 6, 0, abc, WithBackoff(10*time.Millisecond, 40*time.Millisecond))(t.Context(), nil)
		bounds := []time.Duration{0, 10, 20, 40, 40, 40}
		equal(t, "attempts", len(waits), len(bounds))
		for i, w := range waits {
			if w > bounds[i]*time.Millisecond {
				t.Errorf("attempt %d came after %v, more than %v ms", i+1, w, bounds[i])
			}
		}
	})
}

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
		f := &fleet{do: script(errUnsent, errUnsent)}
		if _, err := retryOver(f, 3, 0, []string{"a"})(t.Context(), nil); err != nil {
			t.Error(err)
		}
	})
}

func TestRetryEndsWithItsTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		_, err := retryOver(&fleet{do: hang}, 3, time.Second, abc, WithIdempotent(Always))(t.Context(), nil)
		equal(t, "took", time.Since(begin), time.Second)
		e := as[*RetryError](t, err)
		equal(t, "gave up", e.GaveUp, GaveUpTimeout)
		equal(t, "timeout", e.Timeout(), true)
		mustBe(t, err, context.DeadlineExceeded)
		equal(t, "caller's context", t.Context().Err(), nil)
	})
}

func TestRetryGivesUpRatherThanWaitPastItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		slow := &fleet{do: func(muxpool.Node, context.Context) error {
			time.Sleep(time.Second)
			return errUnsent
		}}
		_, err := retryOver(slow, 3, time.Second+1, abc, WithBackoff(time.Hour, time.Hour))(t.Context(), nil)
		equal(t, "gave up", as[*RetryError](t, err).GaveUp, GaveUpTimeout)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second+1)
		defer cancel()
		_, err = retryOver(slow, 3, time.Hour, abc, WithBackoff(time.Hour, time.Hour))(ctx, nil)
		e := as[*RetryError](t, err)
		equal(t, "gave up", e.GaveUp, GaveUpContext)
		equal(t, "timeout", e.Timeout(), false)
		mustBe(t, err, errUnsent)
		equal(t, "took", time.Since(begin), 2*time.Second)
	})
}

func TestPerTryTimeoutBoundsEachAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		f := &fleet{do: func(n muxpool.Node, ctx context.Context) error {
			if n == node("a") {
				return hang(n, ctx)
			}
			return nil
		}}
		got, err := retryOver(f, 2, time.Minute, abc, WithPerTryTimeout(time.Second), WithIdempotent(Always), WithBackoff(1, 1))(t.Context(), "x")
		if err != nil || got != "x from b:1" {
			t.Errorf("answer: %v, %v", got, err)
		}
		if took := time.Since(begin); took < time.Second || took > time.Second+1 {
			t.Errorf("took %v", took)
		}
	})
}

func TestNoRetryAfterTheCallersContextEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reason := errors.New("the user left")
		ctx, cancel := context.WithCancelCause(t.Context())
		f := &fleet{do: func(muxpool.Node, context.Context) error { cancel(reason); return errUnsent }}
		_, err := retryOver(f, 3, time.Minute, abc)(ctx, nil)
		equal(t, "calls", len(f.called()), 1)
		equal(t, "gave up", as[*RetryError](t, err).GaveUp, GaveUpContext)
		mustBe(t, err, reason, context.Canceled, errUnsent)
	})
}

func TestTheCallersContextEndsTheBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Millisecond, cancel)
		f := &fleet{do: script(errUnsent, errUnsent, errUnsent)}
		begin := time.Now()
		var err error
		for range 50 { // the wait is drawn: nearly always longer than 1 ms
			if _, err = retryOver(f, 2, 0, abc, WithBackoff(time.Hour, time.Hour))(ctx, nil); err != nil {
				break
			}
		}
		equal(t, "gave up", as[*RetryError](t, err).GaveUp, GaveUpContext)
		equal(t, "took", time.Since(begin), time.Millisecond)
	})
}

func TestBudgetBoundsRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fleet{do: func(muxpool.Node, context.Context) error { return errUnsent }}
		ep := retryOver(f, 3, 0, abc, WithBudget(NewBudget(0.1, 5)))
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

// opening is a balancer over nodes whose breakers open after the choice: the
// balancer's Check passes, the call is refused.
type opening struct{ *switchboard }

func (opening) Check(muxpool.Node) error { return nil }

func TestAnOpenBreakerCostsNoAttemptNoWaitNoBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSwitchboard(node("a"), node("b"))
		f := &fleet{}
		nodes := f.nodes(abc...)
		for _, n := range nodes {
			n.call = s.Middleware(n.Node())(n.call)
		}
		budget := NewBudget(0.1, 1)
		budget.withdraw()
		begin := time.Now()
		got, err := Retry(1, 0, NewBalancer(nodes, WithPolicy(RoundRobin), withBreakers(opening{s})), WithBudget(budget))(t.Context(), "x")
		if err != nil || got != "x from c:1" {
			t.Errorf("answer: %v, %v", got, err)
		}
		equal(t, "waited", time.Since(begin), 0)
		equal(t, "calls that reached a node", len(f.called()), 1)
	})
}

func TestRefusalsDoNotGoOnForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		refuse := func(context.Context, any) (any, error) { n++; return nil, &breaker.OpenError{Node: node("a")} }
		_, err := Retry(2, 0, lb.NewRoundRobin(sd.FixedEndpointer{refuse}))(t.Context(), nil)
		e := as[*RetryError](t, err)
		equal(t, "gave up", e.GaveUp, GaveUpAttempts)
		equal(t, "node, from the error", e.Attempts[0].Node, node("a"))
		equal(t, "choices", n, 2*(maxRefused+1))
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
		f := &fleet{do: script(&muxpool.Error{Op: "get", Node: node("a"), Err: errUnsent}, &transport.Error{Code: transport.CodeInternal, Node: node("b")}, errUnsent)}
		foreign := lb.NewRoundRobin(sd.FixedEndpointer{f.endpoint(node("a")), f.endpoint(node("b")), f.endpoint(node("c"))})
		_, err := Retry(3, 0, foreign, WithIdempotent(Always))(t.Context(), nil)
		e := as[*RetryError](t, err)
		for i, want := range []muxpool.Node{node("a"), node("b"), {}} {
			equal(t, "node", e.Attempts[i].Node, want)
		}
		_, err = Retry(3, 0, lb.NewRoundRobin(sd.FixedEndpointer{}))(t.Context(), nil)
		mustBe(t, err, lb.ErrNoEndpoints)
	})
}

func TestAttemptIsInTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type key struct{}
		ctx := context.WithValue(t.Context(), key{}, "kept")
		var seen []Attempt
		f := &fleet{do: func(n muxpool.Node, ctx context.Context) error {
			a, ok := AttemptFromContext(ctx)
			if !ok || ctx.Value(transport.ContextKeyAttempt) != a.Number || ctx.Value(key{}) != "kept" {
				t.Errorf("context of %v: %v, %v", n, a, ok)
			}
			if p := ctx.Value(ContextKeyAttempt).(*Attempt); *p != a {
				t.Errorf("under the key: %v", p)
			}
			seen = append(seen, a)
			return errUnsent
		}}
		retryOver(f, 2, time.Minute, abc)(ctx, nil)
		if want := []Attempt{{1, node("a"), false}, {2, node("b"), false}}; !slices.Equal(seen, want) {
			t.Errorf("attempts %v", seen)
		}
		if _, ok := AttemptFromContext(t.Context()); ok {
			t.Error("a context without attempt has one")
		}
	})
}

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

func TestRetryErrorText(t *testing.T) {
	e := &RetryError{GaveUp: GaveUpBudget, Cause: errors.New("why")}
	for range 20 {
		e.Attempts = append(e.Attempts, Failure{Number: 1, Err: errLost})
	}
	if s := e.Error(); !strings.Contains(s, "(budget): why; [1] answer lost") || !strings.HasSuffix(s, "and 12 more") {
		t.Error(s)
	}
	equal(t, "names", GaveUpTimeout.String()+GaveUp(99).String(), "timeoutunknown(99)")
}
