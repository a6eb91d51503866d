package endpoint

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/kit/sd"

	"github.com/muxkit/muxkit/breaker"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/verdict"
	"github.com/muxkit/muxkit/transport"
)

// An answer that no other attempt can better ends the call at once, though a slow node
// holds another attempt.
func TestADefinitiveAnswerEndsAHedgedCall(t *testing.T) {
	for name, answer := range map[string]error{
		"of the business": transport.Business(7, "no"),
		"not found":       &transport.Error{Code: transport.CodeNotFound, Remote: true},
		"not sent":        &transport.Error{Code: transport.CodeEncode},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &fleet{do: func(n muxpool.Node, ctx context.Context) error {
					if n == node("a") {
						return hang(n, ctx)
					}
					time.Sleep(time.Millisecond)
					return answer
				}}
				begin := time.Now()
				_, err := retryOver(f, 3, 2*time.Second, abc, WithIdempotent(Always), WithHedging(20*time.Millisecond))(t.Context(), nil)
				equal(t, "took", time.Since(begin), 21*time.Millisecond)
				e := as[*RetryError](t, err)
				equal(t, "gave up", e.GaveUp, GaveUpNotRetryable)
				equal(t, "who speaks", e.Attempts[len(e.Attempts)-1].Err, answer)
				equal(t, "attempts told", len(e.Attempts), 2)
				equal(t, "code", e.Verdict().Code, verdict.Of(answer).Code)
				equal(t, "the other may have run", e.Sent(), true)
			})
		})
	}
}

// A Failer that has failed is an answer.
func TestAFailedAnswerEndsAHedgedCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		no := failedAnswer{errors.New("no")}
		slow := NewNodeEndpoint(node("a"), func(ctx context.Context, _ any) (any, error) { return nil, hang(node("a"), ctx) })
		quick := NewNodeEndpoint(node("b"), answering(no, nil))
		b := NewBalancer(FixedEndpointer{slow, quick}, WithPolicy(RoundRobin))
		begin := time.Now()
		got, err := Retry(2, time.Second, b, WithIdempotent(Always), WithHedging(20*time.Millisecond))(t.Context(), nil)
		if got != any(no) || err != nil {
			t.Errorf("answer %v, %v", got, err)
		}
		equal(t, "took", time.Since(begin), 20*time.Millisecond)
	})
}

// An attempt that began before the one with the answer learns that it was overtaken, and
// its node gets fewer calls; one that began later just ends.
func TestOvertakenAttemptsAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		causes := map[muxpool.Node]error{}
		f := &fleet{do: func(n muxpool.Node, ctx context.Context) error {
			if n == node("b") { // begins second, and has the answer when all three run
				time.Sleep(15 * time.Millisecond)
				return nil
			}
			err := hang(n, ctx)
			mu.Lock()
			defer mu.Unlock()
			causes[n] = context.Cause(ctx)
			return err
		}}
		nodes := f.nodes(abc...)
		ep := Retry(3, time.Minute, NewBalancer(nodes, WithPolicy(RoundRobin)), WithIdempotent(Always), WithHedging(10*time.Millisecond))
		if _, err := ep(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		equal(t, "cause of the first", causes[node("a")], verdict.ErrOvertaken)
		equal(t, "cause of the third", causes[node("c")], context.Canceled)
		for i, want := range []int64{full / 2, full, full} {
			equal(t, "weight of "+abc[i], nodes[i].member.weight.share(), want)
		}
	})
}

// A node that answers nothing is found out though hedges rescue each of its calls.
func TestHedgesDoNotHideANodeThatAnswersNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := breaker.NewGroup()
		defer g.Close()
		s := NewSet(sd.FixedInstancer{"a:1", "b:1", "c:1"}, nil, WithBreakers(g), WithRetry(3, 2*time.Second),
			WithIdempotent(Always), WithHedging(20*time.Millisecond), WithoutBudget())
		defer s.Close()
		f := &shop{}
		f.do = slowNodes("a")
		ep := s.EndpointFrom("Get", f.factory)
		opened := 0
		for i := range 8000 {
			if _, err := ep(t.Context(), nil); err != nil {
				t.Fatal(err)
			}
			if opened == 0 && s.Nodes()[0].Open != nil {
				opened = i + 1
			}
			time.Sleep(5 * time.Millisecond)
		}
		if opened == 0 {
			t.Error("the breaker of the node stayed closed")
		}
		asked := 0
		for _, address := range f.called() {
			if address == "a:1" {
				asked++
			}
		}
		if asked > 40 {
			t.Errorf("the node was asked for %d of 8000 calls", asked)
		}
	})
}

// The metrics of attempts tell a hedge's loser from a failure.
func TestTheLoserOfAHedgeIsCanceledInTheMetrics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		attempts := newBook()
		s := NewSet(sd.FixedInstancer{"a:1", "b:1"}, nil, WithPolicy(RoundRobin), WithRetry(2, time.Second), WithIdempotent(Always),
			WithHedging(10*time.Millisecond), WithAttemptMetrics(Metrics{Calls: counter{attempts}}))
		defer s.Close()
		f := &shop{}
		f.do = func(n muxpool.Node, ctx context.Context) error {
			if n == node("a") {
				<-ctx.Done()
				return &transport.Error{Code: transport.CodeConnection, Err: ctx.Err()} // whatever it makes of it
			}
			return nil
		}
		s.EndpointFrom("Get", f.factory)(t.Context(), nil)
		equal(t, "the loser", attempts.values["method Get node tcp://a:1 outcome canceled"], 1)
		equal(t, "the winner", attempts.values["method Get node tcp://b:1 outcome ok"], 1)
		equal(t, "kinds of outcome", len(attempts.values), 2)
	})
}
