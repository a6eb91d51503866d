package endpoint

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/kit/sd"
	"github.com/go-kit/kit/sd/lb"

	"github.com/muxkit/muxkit/breaker"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
)

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
		transport.CodeResourceExhausted: 2, transport.CodeUnavailable: 2, transport.CodeConnection: 2, transport.CodeInternal: 2,
		transport.CodeDeadlineExceeded: 2, transport.CodeBusiness: 1, transport.CodeUnimplemented: 1, transport.CodeInvalidArgument: 1,
		transport.CodeTooLarge: 1, transport.CodeEncode: 1, transport.CodeInvalid: 1,
	} {
		synctest.Test(t, func(t *testing.T) {
			f := &fleet{do: script(&transport.Error{Code: code, Remote: true})}
			retryOver(f, 2, 0, abc, WithIdempotent(Always))(t.Context(), nil)
			equal(t, "calls after "+code.String(), len(f.called()), calls)
		})
	}
	e := &transport.Error{Code: transport.CodeResourceExhausted, Remote: true}
	equal(t, "a server's refusal is harmless", harmless(errors.Join(&muxpool.Error{Err: e}, e)), true)
	equal(t, "a server's failure is not", harmless(&failureRefused{}), false)
}

type failureRefused struct{ failure }

func (*failureRefused) Sent() bool { return true }

func (*failureRefused) Refused() bool { return false }

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

// A node that failed because a breaker of its own was open, behind it, has got the
// request: that was an attempt.
func TestAnOpenBreakerBehindTheNodeIsAnAttempt(t *testing.T) {
	behind := errors.Join(errLost, &breaker.OpenError{Node: node("z")})
	f := &fleet{do: script(behind)}
	_, err := retryOver(f, 3, 0, abc)(t.Context(), nil)
	equal(t, "gave up", as[*RetryError](t, err).GaveUp, GaveUpNotRetryable)
	equal(t, "calls", len(f.called()), 1)
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
