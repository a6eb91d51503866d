package endpoint

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
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

// slowNode makes every node but the named ones answer at once.
func slowNodes(names ...string) func(muxpool.Node, context.Context) error {
	return func(n muxpool.Node, ctx context.Context) error {
		for _, name := range names {
			if n == node(name) {
				return hang(n, ctx)
			}
		}
		return nil
	}
}

func TestHedgeAnswersForASlowNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var left atomic.Int64
		f := &fleet{do: func(n muxpool.Node, ctx context.Context) error {
			a, _ := AttemptFromContext(ctx)
			equal(t, "hedge of "+n.Address, a.Hedge, n != node("a"))
			err := slowNodes("a")(n, ctx)
			left.Add(1)
			return err
		}}
		begin := time.Now()
		got, err := retryOver(f, 3, time.Minute, abc, WithIdempotent(Always), WithHedging(10*time.Millisecond))(t.Context(), "x")
		if err != nil || got != "x from b:1" {
			t.Errorf("answer: %v, %v", got, err)
		}
		equal(t, "took", time.Since(begin), 10*time.Millisecond)
		equal(t, "attempts that have returned", left.Load(), 2)
	})
}

func TestNoHedgeForAQuickNodeNorForARequestThatIsNotIdempotent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fleet{}
		ep := retryOver(f, 3, time.Second, abc, WithIdempotent(func(r any) bool { return r == "read" }), WithHedging(time.Millisecond))
		if _, err := ep(t.Context(), "read"); err != nil {
			t.Error(err)
		}
		equal(t, "calls of a quick one", len(f.called()), 1)
		f.do = hang
		if _, err := ep(t.Context(), "write"); err == nil {
			t.Error("a black hole answered")
		}
		equal(t, "calls with a write", len(f.called()), 2)
	})
}

func TestHedgesAreBoundedByAttemptsNodesAndBudget(t *testing.T) {
	empty := NewBudget(0.001, 1)
	empty.withdraw()
	for name, c := range map[string]struct {
		max, calls int
		nodes      []string
		budget     *Budget
	}{
		"attempts": {2, 2, abc, NewBudget(1, 100)},
		"nodes":    {9, 3, abc, NewBudget(1, 100)},
		"one node": {9, 1, []string{"a"}, NewBudget(1, 100)},
		"budget":   {9, 1, abc, empty},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &fleet{do: hang}
				nodes := f.nodes(c.nodes...)
				_, err := Retry(c.max, time.Second, NewBalancer(nodes), WithIdempotent(Always), WithHedging(time.Millisecond), WithBudget(c.budget))(t.Context(), nil)
				equal(t, "gave up", as[*RetryError](t, err).GaveUp, GaveUpTimeout)
				equal(t, "calls", len(f.called()), c.calls)
				for _, n := range nodes {
					equal(t, "in flight after it", n.InFlight(), 0)
				}
			})
		})
	}
}

func TestHedgedCallIsRetriedWhenAllItsAttemptsFailed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fleet{do: func(n muxpool.Node, ctx context.Context) error {
			switch n {
			case node("a"):
				time.Sleep(30 * time.Millisecond)
				return errLost
			case node("b"):
				time.Sleep(30 * time.Millisecond)
				return errUnsent
			}
			return nil
		}}
		begin := time.Now()
		got, err := retryOver(f, 3, time.Minute, abc, WithIdempotent(Always), WithHedging(20*time.Millisecond), WithBackoff(1, 1))(t.Context(), "x")
		if err != nil || got != "x from c:1" {
			t.Errorf("answer: %v, %v", got, err)
		}
		if took := time.Since(begin); took < 50*time.Millisecond { // when the hedge has failed, too
			t.Errorf("the third attempt came after %v", took)
		}
		f.do = func(muxpool.Node, context.Context) error { time.Sleep(30 * time.Millisecond); return errLost }
		_, err = retryOver(f, 3, time.Minute, abc, WithIdempotent(Always), WithHedging(20*time.Millisecond), WithBackoff(1, 1))(t.Context(), "x")
		e := as[*RetryError](t, err)
		equal(t, "gave up", e.GaveUp, GaveUpAttempts)
		equal(t, "attempts told", len(e.Attempts), 3)
	})
}

func TestHedgedCallGoesOnAfterARefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fleet{do: func(n muxpool.Node, ctx context.Context) error {
			if n == node("a") {
				return &breaker.OpenError{Node: n}
			}
			return nil
		}}
		begin := time.Now()
		got, err := retryOver(f, 2, time.Minute, abc, WithIdempotent(Always), WithHedging(time.Second))(t.Context(), "x")
		if err != nil || got != "x from b:1" || time.Since(begin) != 0 {
			t.Errorf("answer: %v, %v after %v", got, err, time.Since(begin))
		}
	})
}

func TestHedgedCallWithoutNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		opts := []Option{WithIdempotent(Always), WithHedging(time.Second)}
		_, err := retryOver(&fleet{}, 2, 0, nil, opts...)(t.Context(), nil)
		mustBe(t, err, lb.ErrNoEndpoints)

		first := true // the balancer has no second node
		f := &fleet{do: hang}
		_, err = Retry(2, time.Minute, balancerFunc(func() (*NodeEndpoint, error) {
			if first {
				first = false
				return f.nodes("a")[0], nil
			}
			return nil, lb.ErrNoEndpoints
		}), opts...)(t.Context(), nil)
		equal(t, "gave up", as[*RetryError](t, err).GaveUp, GaveUpTimeout)
	})
}

type balancerFunc func() (*NodeEndpoint, error)

func (f balancerFunc) Endpoint() (endpoint.Endpoint, error) {
	e, err := f()
	if err != nil {
		return nil, err
	}
	return e.Call, nil
}

// Over a balancer that does not tell its nodes, hedges go where it sends them.
func TestHedgeOverAForeignBalancer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fleet{do: slowNodes("a")}
		b := lb.NewRoundRobin(sd.FixedEndpointer{f.endpoint(node("a")), f.endpoint(node("b"))})
		got, err := Retry(2, time.Minute, b, WithIdempotent(Always), WithHedging(time.Second))(t.Context(), "x")
		if err != nil || got != "x from b:1" {
			t.Errorf("answer: %v, %v", got, err)
		}
	})
}

func TestCallerEndsAHedgedCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := retryOver(&fleet{do: hang}, 3, 0, abc, WithIdempotent(Always), WithHedging(100*time.Millisecond))(ctx, nil)
		equal(t, "gave up", as[*RetryError](t, err).GaveUp, GaveUpContext)
		mustBe(t, err, context.DeadlineExceeded)
	})
}

// A panic of an attempt is the caller's, with the stack of where it happened,
// and the other attempts have ended before it goes on.
func TestPanicOfAHedgedAttemptReachesTheCaller(t *testing.T) {
	for _, winner := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			var running atomic.Int64
			f := &fleet{do: func(n muxpool.Node, ctx context.Context) error {
				running.Add(1)
				defer running.Add(-1)
				switch {
				case n == node("b") && !winner:
					panickingNode()
				case n == node("b"):
					return nil
				}
				<-ctx.Done()
				if winner {
					panickingNode() // a loser's panic is not lost
				}
				return ctx.Err()
			}}
			ep := Recovery(nil)(retryOver(f, 2, time.Minute, abc, WithIdempotent(Always), WithHedging(time.Second)))
			_, err := ep(t.Context(), nil)
			e := as[*PanicError](t, err)
			if e.Value != "broken" || !strings.Contains(string(e.Stack), "panickingNode") {
				t.Errorf("panic %v at %s", e.Value, e.Stack)
			}
			equal(t, "attempts still running", running.Load(), 0)
		})
	}
}

func panickingNode() { panic("broken") }

func TestHedgedAttemptThatExits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fleet{do: func(muxpool.Node, context.Context) error { runtime.Goexit(); return nil }}
		_, err := retryOver(f, 1, 0, abc, WithIdempotent(Always), WithHedging(time.Second))(t.Context(), nil)
		mustBe(t, err, errExited)
	})
}

func TestHedgingWithoutRetryMakesTwoAttempts(t *testing.T) {
	equal(t, "attempts", retryConfig{hedgeAfter: 1}.withDefaults().max, 2)
}

// Results that come together with the hedge's delay lose nothing.
func TestHedgeRacesWithTheAnswer(t *testing.T) {
	for range 50 {
		synctest.Test(t, func(t *testing.T) {
			f := &fleet{do: func(muxpool.Node, context.Context) error { time.Sleep(time.Millisecond); return nil }}
			nodes := f.nodes(abc...)
			ep := Retry(3, 0, NewBalancer(nodes), WithIdempotent(Always), WithHedging(time.Millisecond))
			if _, err := ep(t.Context(), "x"); err != nil {
				t.Error(err)
			}
			for _, n := range nodes {
				equal(t, "in flight", n.InFlight(), 0)
			}
		})
	}
}

func TestHedgedNodesAreDistinct(t *testing.T) {
	for _, p := range policies {
		synctest.Test(t, func(t *testing.T) {
			f := &fleet{do: hang}
			_, err := Retry(3, time.Second, NewBalancer(f.nodes(abc...), WithPolicy(p)), WithIdempotent(Always), WithHedging(time.Millisecond))(t.Context(), nil)
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Error(err)
			}
			called := f.called()
			slices.Sort(called)
			if !slices.Equal(called, []string{"a:1", "b:1", "c:1"}) {
				t.Errorf("%v: called %v", p, called)
			}
		})
	}
}

// A hedge for which there is no node at all is none: the call is left to the attempt under way.
func TestAHedgeThatFindsNoNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSwitchboard()
		f := &fleet{do: func(_ muxpool.Node, ctx context.Context) error {
			s.trip(node("a"), node("b")) // both go out meanwhile
			return sleep(ctx, time.Second)
		}}
		begin := time.Now()
		ep := Retry(3, time.Minute, NewBalancer(f.nodes("a", "b"), withBreakers(s)), WithIdempotent(Always), WithHedging(100*time.Millisecond))
		if _, err := ep(t.Context(), nil); err != nil {
			t.Error(err)
		}
		equal(t, "took", time.Since(begin), time.Second)
		equal(t, "calls", len(f.called()), 1)
	})
}

// One that is not made, however often it was due, is no attempt.
func TestAHedgeThatIsNotMadeIsNoAttempt(t *testing.T) {
	empty := NewBudget(0.001, 1)
	empty.withdraw()
	for name, c := range map[string]struct {
		nodes  []string
		budget *Budget
		err    error // of the first attempt
	}{
		"there is no other node": {[]string{"a"}, NewBudget(1, 100), errLost},
		"the budget is used up":  {abc, empty, refused(transport.CodeResourceExhausted)},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var numbers []int
				f := &fleet{do: func(_ muxpool.Node, ctx context.Context) error {
					a, _ := AttemptFromContext(ctx)
					if numbers = append(numbers, a.Number); len(numbers) > 1 {
						return nil
					}
					time.Sleep(95 * time.Millisecond)
					return c.err
				}}
				ep := retryOver(f, 2, time.Minute, c.nodes, WithIdempotent(Always), WithHedging(10*time.Millisecond), WithBackoff(1, 1), WithBudget(c.budget))
				if _, err := ep(t.Context(), nil); err != nil {
					t.Error(err)
				}
				if !slices.Equal(numbers, []int{1, 2}) {
					t.Errorf("attempts %v", numbers)
				}
			})
		})
	}
}
