package endpoint

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/kit/sd"
	"github.com/go-kit/kit/sd/lb"

	"github.com/muxkit/muxkit/breaker"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/verdict"
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
		transport.CodeDeadlineExceeded: 2, transport.CodeUnimplemented: 2, transport.CodeBusiness: 1, transport.CodeInvalidArgument: 1,
		transport.CodeTooLarge: 1, transport.CodeEncode: 1, transport.CodeInvalid: 1, transport.CodeNotFound: 1, transport.CodeUnauthenticated: 1,
	} {
		synctest.Test(t, func(t *testing.T) {
			f := &fleet{do: script(&transport.Error{Code: code, Remote: true})}
			retryOver(f, 2, 0, abc, WithIdempotent(Always))(t.Context(), nil)
			equal(t, "calls after "+code.String(), len(f.called()), calls)
		})
	}
}

// refused is what a server's transport answers that did not run the call.
func refused(code transport.Code) *transport.Error {
	return &transport.Error{Code: code, Remote: true, NotRun: true}
}

// What became of an attempt decides what a further one costs.
func TestWhatAFurtherAttemptCosts(t *testing.T) {
	lost := &transport.Error{Code: transport.CodeInternal, Remote: true}
	for name, c := range map[string]struct {
		err                  error
		idempotent           bool
		number, waits, drawn int // of the further attempt; 0: there is none
	}{
		"not sent":                 {errUnsent, false, 1, 0, 0},
		"open breaker":             {&breaker.OpenError{Node: node("a")}, false, 1, 0, 0},
		"node dropped":             {&RemovedError{Node: node("a")}, false, 1, 0, 0},
		"limit at home":            {&LimitError{Limit: 1}, false, 1, 0, 0},
		"refused":                  {refused(transport.CodeResourceExhausted), false, 2, 0, 0},
		"has no such method":       {refused(transport.CodeUnimplemented), false, 2, 0, 0},
		"may have run":             {lost, false, 0, 0, 0},
		"may have run, idempotent": {lost, true, 2, 1, 1},
		"unknown, idempotent":      {errors.New("what?"), true, 2, 1, 1},
		"definitive, idempotent":   {transport.Business(402, "no money"), true, 0, 0, 0},
		"refused for good":         {refused(transport.CodeUnauthenticated), true, 0, 0, 0},
		"not to be retried":        {&transport.Error{Code: transport.CodeInternal, Remote: true, NoRetry: true}, true, 0, 0, 0},
		"panic, idempotent":        {&PanicError{Value: 1}, true, 0, 0, 0},
		"set closed":               {ErrSetClosed, true, 0, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var last Attempt
				calls := 0
				f := &fleet{do: func(_ muxpool.Node, ctx context.Context) error {
					last, _ = AttemptFromContext(ctx)
					if calls++; calls == 1 {
						return c.err
					}
					return nil
				}}
				budget := NewBudget(0.001, 5)
				begin := time.Now()
				opts := []Option{WithBudget(budget), WithBackoff(time.Hour, time.Hour)}
				if c.idempotent {
					opts = append(opts, WithIdempotent(Always))
				}
				_, err := retryOver(f, 2, 0, abc, opts...)(t.Context(), nil)
				if c.number == 0 {
					mustBe(t, err, c.err)
					equal(t, "calls", calls, 1)
					return
				}
				if err != nil || calls != 2 {
					t.Fatalf("%d calls, %v", calls, err)
				}
				equal(t, "number", last.Number, c.number)
				equal(t, "waited", time.Since(begin) > 0, c.waits > 0)
				equal(t, "budget", 5-budget.Left(), c.drawn)
			})
		})
	}
}

// What could not be sent goes to each node once at most, and so does what was refused
// unrun; then the last error tells why.
func TestWhatWasNotRunGoesToEachNodeOnce(t *testing.T) {
	for _, p := range policies {
		for _, err := range []error{errUnsent, refused(transport.CodeResourceExhausted)} {
			for _, hedge := range []time.Duration{0, time.Hour} {
				synctest.Test(t, func(t *testing.T) {
					f := &fleet{do: func(muxpool.Node, context.Context) error { return err }}
					_, got := Retry(9, 0, NewBalancer(f.nodes(abc...), WithPolicy(p)), WithIdempotent(Always), WithHedging(hedge))(t.Context(), nil)
					called := f.called()
					slices.Sort(called)
					if !slices.Equal(called, []string{"a:1", "b:1", "c:1"}) {
						t.Errorf("%v: called %v", p, called)
					}
					e := as[*RetryError](t, got)
					equal(t, "gave up", e.GaveUp, GaveUpNoNode)
					equal(t, "verdict", e.Verdict(), verdict.Of(err))
					mustBe(t, got, err)
				})
			}
		}
	}
}

// A hundred nodes that cannot be reached are not all asked.
func TestFreeAttemptsDoNotGoOnForEver(t *testing.T) {
	var names []string
	for i := range 100 {
		names = append(names, fmt.Sprint("n", i))
	}
	f := &fleet{do: func(muxpool.Node, context.Context) error { return errUnsent }}
	_, err := retryOver(f, 3, 0, names)(t.Context(), nil)
	equal(t, "gave up", as[*RetryError](t, err).GaveUp, GaveUpNoNode)
	equal(t, "calls", len(f.called()), maxFree+1)

	n := 0
	refuse := func(context.Context, any) (any, error) { n++; return nil, &breaker.OpenError{Node: node("a")} }
	_, err = Retry(2, 0, lb.NewRoundRobin(sd.FixedEndpointer{refuse}))(t.Context(), nil)
	equal(t, "node, from the error", as[*RetryError](t, err).Attempts[0].Node, node("a"))
	equal(t, "attempts told", len(as[*RetryError](t, err).Attempts), maxFree+1)
	equal(t, "choices of a foreign balancer", n, maxFree+1)

	n = 0
	refuse = func(context.Context, any) (any, error) {
		if n++; n > 10*maxFree {
			return nil, nil
		}
		return nil, errUnsent
	}
	_, err = Retry(2, 0, lb.NewRoundRobin(sd.FixedEndpointer{refuse}), WithWait(0))(t.Context(), nil)
	equal(t, "of one where there is nothing to wait for", as[*RetryError](t, err).GaveUp, GaveUpNoNode)
	equal(t, "choices of it", n, maxFree+1)
}

// A node that said when to come back is not asked before; another one is.
func TestTheNodeThatSaysRetryAfterIsNotAskedBefore(t *testing.T) {
	busy := &transport.Error{Code: transport.CodeUnavailable, Remote: true, RetryAfter: 50 * time.Millisecond}
	for name, c := range map[string]struct {
		nodes  []string
		wait   time.Duration // RetryAfter
		took   time.Duration // at least
		gaveUp GaveUp
	}{
		"another node":        {[]string{"a", "b"}, 50 * time.Millisecond, 0, 0},
		"the only node":       {[]string{"a"}, 50 * time.Millisecond, 50 * time.Millisecond, 0},
		"longer than patient": {[]string{"a"}, time.Second, 0, GaveUpNoRetry},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var back time.Time
				f := &fleet{do: func(n muxpool.Node, _ context.Context) error {
					if n != node("a") || !back.IsZero() && !time.Now().Before(back) {
						return nil
					}
					if !back.IsZero() {
						t.Error("asked before its time")
					}
					back = time.Now().Add(c.wait)
					e := *busy
					e.RetryAfter = c.wait
					return &e
				}}
				begin := time.Now()
				_, err := retryOver(f, 3, time.Minute, c.nodes, WithIdempotent(Always), WithBackoff(1, 100*time.Millisecond))(t.Context(), nil)
				if c.gaveUp != 0 {
					e := as[*RetryError](t, err)
					equal(t, "gave up", e.GaveUp, c.gaveUp)
					equal(t, "retry after", e.Verdict().RetryAfter, c.wait)
				} else if err != nil {
					t.Error(err)
				}
				if took := time.Since(begin); took < c.took || took > c.took+time.Microsecond {
					t.Errorf("took %v", took)
				}
			})
		})
	}
}

// The longest wait for a node that says when to come back is that of a backoff.
func TestTheLongestRetryAfterThatIsWaitedFor(t *testing.T) {
	const limit = 100 * time.Millisecond
	for wait, gaveUp := range map[time.Duration]GaveUp{limit: 0, limit + 1: GaveUpNoRetry} {
		for name, tells := range map[string]bool{"a Balancer": true, "a foreign balancer": false} {
			synctest.Test(t, func(t *testing.T) {
				busy := &transport.Error{Code: transport.CodeResourceExhausted, Remote: true, RetryAfter: wait, NotRun: tells}
				f := &fleet{do: script(busy)}
				var b lb.Balancer = lb.NewRoundRobin(sd.FixedEndpointer{f.endpoint(node("a"))})
				if tells {
					b = NewBalancer(f.nodes("a"))
				}
				begin := time.Now()
				_, err := Retry(2, 0, b, WithIdempotent(Always), WithBackoff(1, limit))(t.Context(), nil)
				if gaveUp != 0 {
					equal(t, name+" gave up", as[*RetryError](t, err).GaveUp, gaveUp)
				} else if err != nil || time.Since(begin) != wait {
					t.Errorf("%s, after %v: %v", name, time.Since(begin), err)
				}
			})
		}
	}
}

// While it is waited for the caller may leave, and the node may go out.
func TestAWaitForTheRetryAfterOfTheOnlyNodeEnds(t *testing.T) {
	for name, c := range map[string]struct {
		meanwhile func(leave func(), s *switchboard)
		gaveUp    GaveUp
		took      time.Duration
		open      bool
	}{
		"the caller leaves": {func(leave func(), _ *switchboard) { leave() }, GaveUpContext, 20 * time.Millisecond, false},
		"the node goes out": {func(_ func(), s *switchboard) { s.trip(node("a")) }, GaveUpNoNode, 50 * time.Millisecond, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				busy := refused(transport.CodeResourceExhausted)
				busy.RetryAfter = 50 * time.Millisecond
				s, f := newSwitchboard(), &fleet{do: script(busy)}
				ctx, leave := context.WithCancel(t.Context())
				time.AfterFunc(20*time.Millisecond, func() { c.meanwhile(leave, s) })
				begin := time.Now()
				_, err := Retry(3, time.Minute, NewBalancer(f.nodes("a"), withBreakers(s)), WithBackoff(1, 100*time.Millisecond))(ctx, nil)
				equal(t, "took", time.Since(begin), c.took)
				equal(t, "gave up", as[*RetryError](t, err).GaveUp, c.gaveUp)
				mustBe(t, err, busy)
				if open := (*AllOpenError)(nil); errors.As(err, &open) != c.open {
					t.Error(err)
				}
				leave()
			})
		})
	}
}

// A balancer that does not tell its nodes may choose the same one again: the call waits as
// long as the peer says.
func TestRetryAfterUnderAForeignBalancer(t *testing.T) {
	for wait, gaveUp := range map[time.Duration]GaveUp{50 * time.Millisecond: 0, time.Second: GaveUpNoRetry} {
		synctest.Test(t, func(t *testing.T) {
			f := &fleet{do: script(&transport.Error{Code: transport.CodeUnavailable, Remote: true, RetryAfter: wait})}
			begin := time.Now()
			_, err := Retry(2, 0, lb.NewRoundRobin(sd.FixedEndpointer{f.endpoint(node("a"))}), WithIdempotent(Always), WithBackoff(1, 100*time.Millisecond))(t.Context(), nil)
			if gaveUp != 0 {
				equal(t, "gave up", as[*RetryError](t, err).GaveUp, gaveUp)
			} else if err != nil || time.Since(begin) != wait {
				t.Errorf("after %v: %v", time.Since(begin), err)
			}
		})
	}
}

// A call does not wait for a node past its own time.
func TestRetryAfterPastTheTimeOfTheCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fleet{do: script(&transport.Error{Code: transport.CodeUnavailable, Remote: true, RetryAfter: 50 * time.Millisecond})}
		_, err := retryOver(f, 2, 20*time.Millisecond, []string{"a"}, WithIdempotent(Always), WithBackoff(1, 100*time.Millisecond))(t.Context(), nil)
		equal(t, "gave up", as[*RetryError](t, err).GaveUp, GaveUpTimeout)
	})
}

// opening is a balancer over nodes whose breakers open after the choice: the
// balancer's Check passes, the call is refused.
type opening struct{ *switchboard }

func (opening) Check(muxpool.Node) error       { return nil }
func (o opening) Guard(t breaker.Target) guard { return &switchGuard{o, t} }

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
	behind := &transport.Error{Code: transport.CodeUnavailable, Remote: true, Err: &breaker.OpenError{Node: node("z")}}
	f := &fleet{do: script(behind)}
	_, err := retryOver(f, 3, 0, abc)(t.Context(), nil)
	equal(t, "gave up", as[*RetryError](t, err).GaveUp, GaveUpNotRetryable)
	equal(t, "calls", len(f.called()), 1)
}
