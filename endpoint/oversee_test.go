package endpoint

import (
	"context"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/kit/sd"
	"github.com/go-kit/kit/sd/lb"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/verdict"
	"github.com/muxkit/muxkit/transport"
)

// An attempt that has used its third of the time is overtaken by the next one, which has
// the answer; it learns why it ends.
func TestAnAttemptThatHasUsedItsShareIsOvertaken(t *testing.T) {
	const third = 500 * time.Millisecond / 3
	for name, c := range map[string]struct {
		do       func(n muxpool.Node, ctx context.Context) error
		timeout  time.Duration // WithRetry's
		deadline time.Duration // the context's
		opts     []Option
		took     time.Duration
		attempts int
		answer   string
		code     verdict.Code
	}{
		"the retries' time":                         {slowNodes("a"), 500 * time.Millisecond, 0, nil, third, 2, "x from b:1", 0},
		"the caller's time":                         {slowNodes("a"), time.Hour, 900 * time.Millisecond, nil, 300 * time.Millisecond, 2, "x from b:1", 0},
		"the caller's time alone":                   {slowNodes("a"), 0, 900 * time.Millisecond, nil, 300 * time.Millisecond, 2, "x from b:1", 0},
		"the second one's share is of what is left": {failsAfter(150*time.Millisecond, "a", slowNodes("b")), 900 * time.Millisecond, 0, []Option{WithBackoff(1, 1)}, 525 * time.Millisecond, 3, "x from c:1", 0},
		"two are slow":                              {slowNodes("a", "b"), 900 * time.Millisecond, 0, nil, 600 * time.Millisecond, 3, "x from c:1", 0},
		"all are slow":                              {hang, 900 * time.Millisecond, 0, nil, 900 * time.Millisecond, 3, "", verdict.CodeDeadlineExceeded},
		"its answer may come":                       {after(400*time.Millisecond, "a", "b", "c"), 900 * time.Millisecond, 0, nil, 400 * time.Millisecond, 2, "x from a:1", 0},
		"in time":                                   {after(299*time.Millisecond, "a"), 900 * time.Millisecond, 0, nil, 299 * time.Millisecond, 1, "x from a:1", 0},
		"nobody's time is known":                    {after(time.Hour, "a"), 0, 0, nil, time.Hour, 1, "x from a:1", 0},
		"an attempt's own time is less":             {slowNodes("a"), 900 * time.Millisecond, 0, []Option{WithPerTryTimeout(200 * time.Millisecond), WithBackoff(1, 1)}, 200 * time.Millisecond, 2, "x from b:1", 0},
		"the last attempt has all":                  {after(800*time.Millisecond, "a"), 900 * time.Millisecond, 0, []Option{WithRetry(1, 900*time.Millisecond)}, 800 * time.Millisecond, 1, "x from a:1", 0},
		"no tokens":                                 {after(800*time.Millisecond, "a"), 900 * time.Millisecond, 0, []Option{WithBudget(emptyBudget())}, 800 * time.Millisecond, 1, "x from a:1", 0},
		"it is not idempotent":                      {after(800*time.Millisecond, "a"), 900 * time.Millisecond, 0, []Option{WithIdempotent(nil)}, 800 * time.Millisecond, 1, "x from a:1", 0},
		"the next one has a no":                     {noFromB, 900 * time.Millisecond, 0, nil, 300 * time.Millisecond, 2, "", verdict.CodeBusiness},
		"the first one fails":                       {afterwards(after(400*time.Millisecond, "a", "b", "c"), errLost), 900 * time.Millisecond, 0, nil, 700 * time.Millisecond, 3, "x from b:1", 0},
		"a hedge is still more patient":             {slowNodes("a"), 900 * time.Millisecond, 0, []Option{WithHedging(time.Hour)}, 300 * time.Millisecond, 2, "x from b:1", 0},
		"a hedge is less patient":                   {slowNodes("a"), 900 * time.Millisecond, 0, []Option{WithHedging(10 * time.Millisecond)}, 10 * time.Millisecond, 2, "x from b:1", 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &fleet{do: c.do}
				nodes := f.nodes(abc...)
				opts := append([]Option{WithIdempotent(Always)}, c.opts...)
				ep := Retry(3, c.timeout, NewBalancer(nodes, WithPolicy(RoundRobin)), opts...)
				ctx := t.Context()
				if c.deadline > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, c.deadline)
					defer cancel()
				}
				begin := time.Now()
				got, err := ep(ctx, "x")
				if took := time.Since(begin); took < c.took || took > c.took+shareSlack+time.Microsecond {
					t.Errorf("took %v", took)
				}
				equal(t, "attempts", len(f.called()), c.attempts)
				equal(t, "code", verdict.Of(err).Code, c.code)
				if c.answer != "" {
					equal(t, "answer", got, any(c.answer))
				}
				for _, n := range nodes {
					equal(t, "in flight afterwards", n.InFlight(), 0)
				}
				synctest.Wait()
			})
		})
	}
}

func after(d time.Duration, names ...string) func(muxpool.Node, context.Context) error {
	return func(n muxpool.Node, ctx context.Context) error {
		for _, name := range names {
			if n == node(name) {
				select {
				case <-time.After(d):
				case <-ctx.Done():
					return ctx.Err()
				}
			}
		}
		return nil
	}
}

// afterwards fails the first call of node a with err, when do has returned.
func afterwards(do func(muxpool.Node, context.Context) error, err error) func(muxpool.Node, context.Context) error {
	return func(n muxpool.Node, ctx context.Context) error {
		if e := do(n, ctx); e != nil || n != node("a") {
			return e
		}
		return err
	}
}

// failsAfter is do, but that the named node fails after d.
func failsAfter(d time.Duration, name string, do func(muxpool.Node, context.Context) error) func(muxpool.Node, context.Context) error {
	return func(n muxpool.Node, ctx context.Context) error {
		if n != node(name) {
			return do(n, ctx)
		}
		time.Sleep(d) // of bubble time
		return errLost
	}
}

func noFromB(n muxpool.Node, ctx context.Context) error {
	if n == node("b") {
		return transport.Business(7, "no")
	}
	return hang(n, ctx)
}

func emptyBudget() *Budget {
	b := NewBudget(0.001, 1)
	b.withdraw()
	return b
}

func TestAnOvertakenAttemptIsToldSo(t *testing.T) {
	for name, asks := range map[string]bool{"it waits for its context": true, "it looks now and then": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var cause error
				f := &fleet{do: func(n muxpool.Node, ctx context.Context) error {
					if n != node("a") {
						return nil
					}
					for !asks && ctx.Err() == nil {
						time.Sleep(time.Millisecond)
					}
					err := hang(n, ctx)
					cause = context.Cause(ctx)
					return err
				}}
				nodes := f.nodes(abc...)
				ep := Retry(3, 900*time.Millisecond, NewBalancer(nodes, WithPolicy(RoundRobin)), WithIdempotent(Always))
				if _, err := ep(t.Context(), nil); err != nil {
					t.Error(err)
				}
				equal(t, "cause", cause, verdict.ErrOvertaken)
				if share := nodes[0].member.weight.share(); share > full*2/3 {
					t.Errorf("its weight is %d", share)
				}
			})
		})
	}
}

func TestTheAttemptThatOvertakesGoesToAnotherNode(t *testing.T) {
	for _, p := range policies {
		for range 10 {
			synctest.Test(t, func(t *testing.T) {
				f := &fleet{do: hang}
				Retry(2, time.Second, NewBalancer(f.nodes("a", "b"), WithPolicy(p)), WithIdempotent(Always))(t.Context(), nil)
				if called := f.called(); len(called) != 2 || called[0] == called[1] {
					t.Errorf("%v: %v", p, called)
				}
			})
		}
	}
}

// Each is overtaken in its time, also if the next one was begun meanwhile.
func TestAttemptsOfSeveralCallsAreOvertakenInTheirTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fleet{do: func(n muxpool.Node, ctx context.Context) error {
			if a, _ := AttemptFromContext(ctx); a.Number == 1 {
				return hang(n, ctx)
			}
			return nil
		}}
		ep := Retry(3, 900*time.Millisecond, NewBalancer(f.nodes(abc...)), WithIdempotent(Always))
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() {
				begin := time.Now()
				if _, err := ep(t.Context(), nil); err != nil {
					t.Error(err)
				}
				if took := time.Since(begin); took < 300*time.Millisecond || took > 300*time.Millisecond+shareSlack+time.Microsecond {
					t.Errorf("took %v", took)
				}
			})
			time.Sleep(100 * time.Millisecond)
		}
		bounded.Wait(t, wg.Wait)
	})
}

// The context of an attempt ends when it returns, whether it may be overtaken or not.
func TestAnAttemptEndsItsContext(t *testing.T) {
	for name, opts := range map[string][]Option{"it may be overtaken": {WithIdempotent(Always)}, "it may not": nil} {
		var given context.Context
		one := NewNodeEndpoint(node("a"), func(ctx context.Context, _ any) (any, error) {
			given = ctx
			return nil, ctx.Err()
		})
		if _, err := Retry(3, time.Minute, NewBalancer(FixedEndpointer{one}), opts...)(t.Context(), nil); err != nil {
			t.Error(err)
		}
		equal(t, name+": its context", given.Err(), context.Canceled)
	}
}

// What failed before is told, and counts.
func TestASecondAttemptMayBeOvertakenToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fleet{do: func(n muxpool.Node, ctx context.Context) error {
			switch n {
			case node("a"):
				return errLost
			case node("b"):
				return hang(n, ctx)
			}
			return errLost
		}}
		ep := Retry(3, 900*time.Millisecond, NewBalancer(f.nodes(abc...), WithPolicy(RoundRobin)), WithIdempotent(Always), WithBackoff(1, 1))
		begin := time.Now()
		_, err := ep(t.Context(), nil)
		e := as[*RetryError](t, err)
		equal(t, "attempts told", len(e.Attempts), 3)
		equal(t, "the first", e.Attempts[0].Node, node("a"))
		equal(t, "took", time.Since(begin), 900*time.Millisecond) // the last one failed, the second has all the time
	})
}

func TestAnAttemptIsNotOvertakenUnderAForeignBalancer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fleet{do: after(800*time.Millisecond, "a")}
		b := lb.NewRoundRobin(sd.FixedEndpointer{f.endpoint(node("a")), f.endpoint(node("b"))})
		if _, err := Retry(3, 900*time.Millisecond, b, WithIdempotent(Always))(t.Context(), nil); err != nil {
			t.Error(err)
		}
		equal(t, "attempts", len(f.called()), 1)
	})
}

// A panic, or an exit, of the attempt in the caller's goroutine goes on there, as itself, when
// nothing of the call runs any more.
func TestPanicOfAnOvertakenAttemptIsItsCallers(t *testing.T) {
	for name, ends := range map[string]func(){"panic": panickingNode, "exit": runtime.Goexit} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var running atomic.Int64
				f := &fleet{do: func(n muxpool.Node, ctx context.Context) error {
					running.Add(1)
					defer running.Add(-1)
					if n == node("a") {
						time.Sleep(400 * time.Millisecond)
						ends()
					}
					return hang(n, ctx)
				}}
				nodes := f.nodes(abc...)
				ep := Retry(3, 900*time.Millisecond, NewBalancer(nodes, WithPolicy(RoundRobin)), WithIdempotent(Always))
				var got any
				done := make(chan struct{})
				go func() {
					defer close(done)
					defer func() { got = recover() }()
					ep(t.Context(), nil)
				}()
				bounded.Receive(t, done)
				if name == "panic" {
					equal(t, "panic", got, any("broken"))
				}
				equal(t, "attempts still running", running.Load(), 0)
				for _, n := range nodes {
					equal(t, "in flight", n.InFlight(), 0)
				}
			})
		})
	}
}

// One of the attempt beside it is the caller's as well, with the stack of where it happened.
func TestPanicOfTheAttemptThatOvertakesReachesTheCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fleet{do: func(n muxpool.Node, ctx context.Context) error {
			if n == node("b") {
				panickingNode()
			}
			return hang(n, ctx)
		}}
		ep := Recovery(nil)(Retry(3, 900*time.Millisecond, NewBalancer(f.nodes(abc...), WithPolicy(RoundRobin)), WithIdempotent(Always)))
		_, err := ep(t.Context(), nil)
		if e := as[*PanicError](t, err); e.Value != "broken" || !strings.Contains(string(e.Stack), "panickingNode") {
			t.Errorf("panic %v at %s", e.Value, e.Stack)
		}
	})
}

// More calls than there are places, of all lengths: each has its own answer, those that are
// slow are overtaken, and the others are not.
func TestManyAttemptsAreOvertakenAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nodes := make(FixedEndpointer, 2)
		var made atomic.Int64
		for i, name := range []string{"a", "b"} {
			nodes[i] = NewNodeEndpoint(node(name), func(ctx context.Context, request any) (any, error) {
				made.Add(1)
				if a, _ := AttemptFromContext(ctx); a.Number == 1 && request.(int)%2 == 0 {
					<-ctx.Done()
					return nil, ctx.Err()
				}
				time.Sleep(time.Duration(request.(int)) * 100 * time.Microsecond)
				return request, nil
			})
		}
		ep := Retry(2, time.Second, NewBalancer(nodes), WithIdempotent(Always), WithoutBudget())
		var wg sync.WaitGroup
		for i := range 1000 {
			wg.Go(func() {
				got, err := ep(t.Context(), i)
				if got != any(i) || err != nil {
					t.Errorf("%d: %v, %v", i, got, err)
				}
			})
			if i%7 == 0 {
				time.Sleep(time.Millisecond)
			}
		}
		bounded.Wait(t, wg.Wait)
		equal(t, "attempts", made.Load(), 1500)
	})
}

// A place that another attempt has by now is left alone.
func TestASlotIsNotTakenForTheOneBefore(t *testing.T) {
	s := &shares{epoch: time.Now()}
	x := s.claim()
	s.fly(x, int64(time.Hour))
	equal(t, "the one before has ended", s.land(x), nil)
	x.state.Store(claimed)
	s.fly(x, int64(2*time.Hour))
	s.mu.Lock()
	s.overtake(x, int64(time.Hour))
	s.mu.Unlock()
	equal(t, "rescue", s.land(x), nil)
	equal(t, "state", x.state.Load(), free)
}

func TestAttemptsThatEndInTheirShareRace(t *testing.T) {
	nodes := FixedEndpointer{}
	for _, name := range abc {
		nodes = append(nodes, NewNodeEndpoint(node(name), func(ctx context.Context, request any) (any, error) {
			time.Sleep(time.Duration(request.(int)%5) * time.Millisecond)
			return request, ctx.Err()
		}))
	}
	ep := Retry(3, 6*time.Millisecond, NewBalancer(nodes), WithIdempotent(Always), WithoutBudget())
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 60 {
				if got, err := ep(context.Background(), g*1000+i); err == nil && got != any(g*1000+i) {
					t.Errorf("%v, %v", got, err)
				}
			}
		})
	}
	bounded.Wait(t, wg.Wait)
	for _, n := range nodes {
		equal(t, "in flight", n.InFlight(), 0)
	}
}

// One allocation a call, also if it may be overtaken.
func TestAnAttemptThatMayBeOvertakenAllocatesOnce(t *testing.T) {
	s := NewSet(sd.FixedInstancer{"a:1", "b:1"}, nil, WithRetry(3, time.Minute), WithIdempotent(Always))
	defer s.Close()
	ep := s.EndpointFrom("Sum", nop)
	if n := bounded.Allocs(1000, func() { ep(context.Background(), nil) }); n > 1 {
		t.Errorf("%v allocations", n)
	}
}
