package endpoint

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
)

func TestRetryWaitsWithinTheBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var waits []time.Duration
		last := time.Now()
		f := &fleet{do: func(muxpool.Node, context.Context) error {
			waits = append(waits, time.Since(last))
			last = time.Now()
			return errLost
		}}
		retryOver(f, 6, 0, abc, WithBackoff(10*time.Millisecond, 40*time.Millisecond), WithIdempotent(Always))(t.Context(), nil)
		bounds := []time.Duration{0, 10, 20, 40, 40, 40}
		equal(t, "attempts", len(waits), len(bounds))
		for i, w := range waits {
			if w > bounds[i]*time.Millisecond {
				t.Errorf("attempt %d came after %v, more than %v ms", i+1, w, bounds[i])
			}
		}
		longest := time.Duration(0) // of those before the fourth attempt: by chance too short once in 10³⁰
		for range 100 {
			waits, last = nil, time.Now()
			retryOver(f, 4, 0, abc, WithBackoff(10*time.Millisecond, 40*time.Millisecond), WithIdempotent(Always))(t.Context(), nil)
			longest = max(longest, waits[3])
		}
		if longest <= 20*time.Millisecond {
			t.Errorf("the fourth of 100 attempts came after %v at most", longest)
		}
	})
}

func TestRetryEndsWithItsTimeout(t *testing.T) {
	for _, opts := range [][]Option{nil, {WithWait(0)}} {
		synctest.Test(t, func(t *testing.T) {
			begin := time.Now()
			_, err := retryOver(&fleet{do: hang}, 3, time.Second, abc, append(opts, WithIdempotent(Always))...)(t.Context(), nil)
			equal(t, "took", time.Since(begin), time.Second)
			e := as[*RetryError](t, err)
			equal(t, "gave up", e.GaveUp, GaveUpTimeout)
			equal(t, "timeout", e.Timeout(), true)
			mustBe(t, err, context.DeadlineExceeded)
			equal(t, "caller's context", t.Context().Err(), nil)
		})
	}
}

func TestRetryGivesUpRatherThanWaitPastItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		slow := &fleet{do: func(muxpool.Node, context.Context) error {
			time.Sleep(time.Second / 10)
			return errLost
		}}
		_, err := retryOver(slow, 3, time.Second, abc, WithBackoff(10000*time.Hour, 10000*time.Hour), WithIdempotent(Always))(t.Context(), nil)
		equal(t, "gave up", as[*RetryError](t, err).GaveUp, GaveUpTimeout)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = retryOver(slow, 3, time.Hour, abc, WithBackoff(10000*time.Hour, 10000*time.Hour), WithIdempotent(Always))(ctx, nil)
		e := as[*RetryError](t, err)
		equal(t, "gave up", e.GaveUp, GaveUpContext)
		equal(t, "timeout", e.Timeout(), false)
		mustBe(t, err, errLost)
		equal(t, "took", time.Since(begin), time.Second/5)
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
		f := &fleet{do: func(muxpool.Node, context.Context) error { cancel(reason); return errLost }}
		_, err := retryOver(f, 3, time.Minute, abc, WithIdempotent(Always))(ctx, nil)
		equal(t, "calls", len(f.called()), 1)
		equal(t, "gave up", as[*RetryError](t, err).GaveUp, GaveUpContext)
		mustBe(t, err, reason, context.Canceled, errLost)

		ctx, leave := context.WithCancel(t.Context())
		f = &fleet{do: func(muxpool.Node, context.Context) error { leave(); return errLost }}
		_, err = retryOver(f, 3, time.Minute, abc, WithIdempotent(Always))(ctx, nil)
		equal(t, "without a reason", err.Error(), "muxendpoint: gave up after 1 attempts (context): context canceled; [1 tcp://a:1] answer lost")
	})
}

// A call whose caller has left makes no attempt, whatever time it would have.
func TestNoAttemptOfACallWhoseCallerHasLeft(t *testing.T) {
	for _, timeout := range []time.Duration{0, time.Minute} {
		f := &fleet{}
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		cancel()
		_, err := retryOver(f, 3, timeout, abc)(ctx, nil)
		e := as[*RetryError](t, err)
		equal(t, "gave up", e.GaveUp, GaveUpContext)
		equal(t, "attempts told", len(e.Attempts), 0)
		equal(t, "calls", len(f.called()), 0)
	}
}

func TestTheCallersContextEndsTheBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Millisecond, cancel)
		f := &fleet{do: script(errLost, errLost, errLost)}
		begin := time.Now()
		var err error
		for range 50 { // the wait is drawn: nearly always longer than 1 ms
			if _, err = retryOver(f, 2, 0, abc, WithBackoff(10000*time.Hour, 10000*time.Hour), WithIdempotent(Always))(ctx, nil); err != nil {
				break
			}
		}
		equal(t, "gave up", as[*RetryError](t, err).GaveUp, GaveUpContext)
		equal(t, "took", time.Since(begin), time.Millisecond)
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
			return errLost
		}}
		retryOver(f, 2, time.Minute, abc, WithIdempotent(Always))(ctx, nil)
		if want := []Attempt{{1, node("a"), false}, {2, node("b"), false}}; !slices.Equal(seen, want) {
			t.Errorf("attempts %v", seen)
		}
		if _, ok := AttemptFromContext(t.Context()); ok {
			t.Error("a context without attempt has one")
		}
	})
}

// followed is a context that counts those that follow it.
type followed struct {
	context.Context
	done chan struct{}
	by   atomic.Int64
}

func (c *followed) Done() <-chan struct{} { return c.done }

// AfterFunc is what package context asks of contexts that are not its own.
func (c *followed) AfterFunc(func()) (stop func() bool) {
	c.by.Add(1)
	return func() bool { c.by.Add(-1); return true }
}

// Who keeps the context of an attempt finds it ended when the attempt has returned, and the caller's holds nothing of it.
func TestTheContextOfAnAttemptEndsWithIt(t *testing.T) {
	for name, opts := range map[string][]Option{"plain": nil, "idempotent": {WithIdempotent(Always)}, "by the caller's time": {WithRetry(2, 0)}, "hedged": {WithIdempotent(Always), WithHedging(time.Hour)}} {
		synctest.Test(t, func(t *testing.T) {
			var given context.Context
			ctx := &followed{Context: t.Context(), done: make(chan struct{})}
			f := &fleet{do: func(_ muxpool.Node, ctx context.Context) error {
				equal(t, name+": while it runs", ctx.Err(), nil)
				ctx.Done() // who asks has it follow the caller's
				given = ctx
				return nil
			}}
			if _, err := retryOver(f, 2, time.Minute, abc, opts...)(ctx, nil); err != nil {
				t.Fatal(err)
			}
			mustBe(t, given.Err(), context.Canceled)
			equal(t, name+": the caller's is followed by", ctx.by.Load(), 0)
		})
	}
}

// One that could not be sent, and ends just when the time does, is the last.
func TestAnAttemptThatEndsWithTheTimeIsTheLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fleet{do: func(muxpool.Node, context.Context) error { time.Sleep(time.Second); return errUnsent }}
		_, err := retryOver(f, 3, time.Second, abc)(t.Context(), nil)
		equal(t, "gave up", as[*RetryError](t, err).GaveUp, GaveUpTimeout)
		mustBe(t, err, context.DeadlineExceeded, errUnsent)
		equal(t, "calls", len(f.called()), 1)
	})
}
