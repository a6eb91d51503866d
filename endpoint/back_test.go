package endpoint

import (
	"context"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/kit/endpoint"
	"github.com/go-kit/kit/sd"

	"github.com/muxkit/muxkit/breaker"
	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// firewalled is a village whose streets drop what goes to who is not at home, instead of
// refusing it: a connect is tried again after 1, 3 and 7 s, as kernels do (RFC 6298).
type firewalled struct{ *village }

func (f firewalled) dial(ctx context.Context, network, address string) (net.Conn, error) {
	for wait := time.Second; ; wait *= 2 {
		if nc, err := f.village.dial(ctx, network, address); err == nil {
			return nc, nil
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// firstCall is when a node got its first one.
type firstCall struct {
	mu sync.Mutex
	at time.Time
}

func (f *firstCall) echo(_ context.Context, request any) (any, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.at.IsZero() {
		f.at = time.Now()
	}
	return request, nil
}

func (f *firstCall) time() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.at
}

// However long all nodes were away, whether their hosts refuse connections or drop them, and
// whenever they return: each has its first call within a second, or, where a dial that began
// before has to come to its end, once that has. The wiring is the README's. Each is played eight
// times, under the race detector twice.
func TestEachNodeIsInUseWithinASecondOfItsReturn(t *testing.T) {
	addresses, times := sd.FixedInstancer{"a:1", "b:1"}, 8
	if raceEnabled {
		times = 2
	}
	for _, away := range []time.Duration{100 * time.Millisecond, time.Second, 10 * time.Second, time.Minute} {
		for _, dropped := range []bool{false, true} {
			worst := time.Duration(0)
			for range times {
				synctest.Test(t, func(t *testing.T) { worst = max(worst, timeOfReturn(t, addresses, away, dropped)) })
			}
			// The longest wait for a probe, or one dial that began before; and for a caller whom
			// chance does not send to the other node, ten times in a row.
			bound := 750*time.Millisecond + 100*time.Millisecond
			if dropped {
				bound = time.Second + 100*time.Millisecond
			}
			if worst > bound {
				t.Errorf("away for %v, dropped %v: the first call after %v", away, dropped, worst)
			}
		}
	}
}

// timeOfReturn has two nodes go away for about a time, with callers that go on, and returns how
// long it takes from the return of one to its first call, at most.
func timeOfReturn(t *testing.T, addresses sd.FixedInstancer, away time.Duration, dropped bool) (longest time.Duration) {
	v := &village{houses: map[string]*house{}}
	dial := v.dial
	if dropped {
		dial = firewalled{v}.dial
	}
	pool, err := muxpool.New(muxpool.WithDialContext(dial), muxpool.WithConnectNumber(2))
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	g := breaker.NewGroup(breaker.WithMaxEjection(0.5))
	defer g.Close()
	defer g.Watch(pool)()
	set := NewSet(addresses, nil, WithBreakers(g), WithRetry(3, 500*time.Millisecond))
	defer set.Close()
	h := &household{village: v, pool: pool, breakers: g, set: set, speaks: native.Protocol{}}
	call := h.method("Echo")
	var stops []func()
	serve := func(address string) *firstCall {
		first := &firstCall{}
		stops = append(stops, v.serve(address, map[string]endpoint.Endpoint{"Echo": first.echo}))
		return first
	}
	for _, a := range addresses {
		serve(a)
	}
	var callers sync.WaitGroup
	end, over := context.WithCancel(t.Context())
	for range 6 {
		callers.Go(func() {
			for end.Err() == nil {
				call(end)
				time.Sleep(10 * time.Millisecond)
			}
		})
	}
	time.Sleep(time.Second)
	for _, stop := range stops {
		stop()
	}
	time.Sleep(away + rand.N(away))
	for _, a := range addresses {
		time.Sleep(rand.N(time.Second)) // one after the other
		back, first := time.Now(), serve(a)
		defer func() {
			at := first.time()
			if at.IsZero() {
				t.Errorf("%s is back, and no call comes", a)
			}
			longest = max(longest, at.Sub(back))
		}()
	}
	time.Sleep(3 * time.Second)
	over()
	bounded.Wait(t, callers.Wait)
	for _, stop := range stops {
		stop()
	}
	return 0
}

// Nodes whose hosts drop everything: a connect hangs, for longer than WithRetry's time. A call
// that was not sent has its caller's time to go elsewhere, or to wait, idempotent or not.
func TestACallThatHangsInAConnectGoesElsewhere(t *testing.T) {
	for name, c := range map[string]struct {
		b    time.Duration // from when on there is a node that answers
		most time.Duration // that a call may take
	}{
		"another node is well":        {0, 600 * time.Millisecond},
		"all are away for three more": {3 * time.Second, 5 * time.Second},
	} {
		for _, opts := range [][]Option{nil, {WithIdempotent(Always)}, {WithPerTryTimeout(200 * time.Millisecond)}} {
			synctest.Test(t, func(t *testing.T) {
				v := &village{houses: map[string]*house{}}
				pool, err := muxpool.New(muxpool.WithDialContext(firewalled{v}.dial))
				if err != nil {
					t.Fatal(err)
				}
				defer pool.Close()
				g := breaker.NewGroup()
				defer g.Close()
				defer g.Watch(pool)()
				set := NewSet(sd.FixedInstancer{"a:1", "b:1"}, nil, WithBreakers(g), WithRetry(3, 500*time.Millisecond))
				defer set.Close()
				ep := set.Endpoint("Echo", echoClient(pool), opts...)
				methods := map[string]endpoint.Endpoint{"Echo": func(_ context.Context, request any) (any, error) { return request, nil }}
				if c.b == 0 {
					defer v.serve("b:1", methods)()
				}
				var callers sync.WaitGroup
				for range 50 {
					callers.Go(func() {
						ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
						defer cancel()
						begin := time.Now()
						if _, err := ep(ctx, []byte("hello")); err != nil {
							t.Errorf("%s: %v", name, err)
						}
						if took := time.Since(begin); took > c.most {
							t.Errorf("%s: a call took %v", name, took)
						}
					})
				}
				if c.b > 0 {
					time.Sleep(c.b)
					defer v.serve("b:1", methods)()
				}
				bounded.Wait(t, callers.Wait)
			})
		}
	}
}

// Nobody comes: a call without a deadline ends when it has waited for long enough, in connects as
// in the line, and one that does not wait with WithRetry's time.
func TestACallThatHangsInConnectsEnds(t *testing.T) {
	for name, c := range map[string]struct {
		opts        []Option
		least, most time.Duration
	}{
		"by default":  {nil, 5 * time.Second, 6 * time.Second},
		"idempotent":  {[]Option{WithIdempotent(Always)}, 5 * time.Second, 6 * time.Second},
		"WithWait":    {[]Option{WithWait(2 * time.Second)}, 2 * time.Second, 3 * time.Second},
		"no time":     {[]Option{WithRetry(3, 0)}, 5 * time.Second, 9 * time.Second},
		"no retries":  {[]Option{func(c *config) { c.retry.max, c.retry.timeout = 0, 0 }}, 5 * time.Second, 9 * time.Second},
		"WithoutWait": {[]Option{WithoutWait()}, 500 * time.Millisecond, 600 * time.Millisecond},
	} {
		synctest.Test(t, func(t *testing.T) {
			pool, err := muxpool.New(muxpool.WithDialContext(firewalled{&village{}}.dial))
			if err != nil {
				t.Fatal(err)
			}
			defer pool.Close()
			set := NewSet(sd.FixedInstancer{"a:1", "b:1"}, nil, WithRetry(3, 500*time.Millisecond)) // no breaker knows
			defer set.Close()
			begin := time.Now()
			_, err = set.Endpoint("Echo", echoClient(pool), c.opts...)(context.Background(), []byte("hello"))
			if took := time.Since(begin); err == nil || took < c.least || took > c.most {
				t.Errorf("%s: after %v: %v", name, took, err)
			}
		})
	}
}

// What a further attempt waits for a connection does not count either: calls that were lost
// with their node find the other one gone, have waited for it to come back for nearly all of
// WithRetry's time, and their last attempt has what the first ones left.
func TestAFurtherAttemptWaitsForItsConnectionToo(t *testing.T) {
	for name, c := range map[string]struct {
		opts []Option
		call []CallOption
	}{
		"as the README has it":  {[]Option{WithRetry(3, 500*time.Millisecond)}, nil},
		"by the caller's time":  {[]Option{WithRetry(3, 0)}, nil},
		"time for each attempt": {[]Option{WithRetry(3, 500*time.Millisecond), WithPerTryTimeout(490 * time.Millisecond)}, nil},
		"hedged":                {[]Option{WithRetry(4, 500*time.Millisecond), WithHedging(5 * time.Millisecond)}, nil},
		"time of its own":       {[]Option{WithRetry(3, time.Millisecond)}, []CallOption{CallTimeout(500 * time.Millisecond)}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &shop{}
				var mu sync.Mutex
				made := 0
				f.do = func(n muxpool.Node, ctx context.Context) error {
					mu.Lock()
					made++
					number := made
					mu.Unlock()
					switch number {
					case 1: // lost
						time.Sleep(10 * time.Millisecond)
						return lostWith(n, muxpool.ErrConnLost)
					case 2, 3: // there is no connection
						if sleep(ctx, 480*time.Millisecond) != nil {
							return &muxpool.Error{Op: "get", Node: n, Err: ctx.Err()}
						}
						return &muxpool.Error{Op: "get", Node: n, Err: muxpool.ErrReconnectLimit}
					}
					return sleep(ctx, 100*time.Millisecond)
				}
				s := NewSet(sd.FixedInstancer{"a:1", "b:1", "c:1"}, nil, append(c.opts, WithIdempotent(Always), WithBackoff(1, 1), WithBudget(NewBudget(1, 10)))...)
				defer s.Close()
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				got, err := s.EndpointFrom("Get", f.factory)(WithCallOptions(ctx, c.call...), "x")
				if err != nil {
					t.Errorf("%v, %v", got, err)
				}
			})
		})
	}
}

// ... and it ends: a call whose first attempt was sent does not go on for ever because none of
// the others can be.
func TestACallThatFindsNoFurtherConnectionEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &shop{}
		var first sync.Once
		f.do = func(n muxpool.Node, ctx context.Context) (err error) {
			first.Do(func() { err = lostWith(n, muxpool.ErrConnLost) })
			if err == nil {
				sleep(ctx, 100*time.Millisecond)
				err = &muxpool.Error{Op: "get", Node: n, Err: muxpool.ErrReconnectLimit}
			}
			return err
		}
		s := NewSet(sd.FixedInstancer{"a:1", "b:1"}, nil, WithRetry(3, 500*time.Millisecond), WithIdempotent(Always))
		defer s.Close()
		begin := time.Now()
		_, err := s.EndpointFrom("Get", f.factory)(t.Context(), nil)
		if took := time.Since(begin); err == nil || took < 5*time.Second || took > 6*time.Second {
			t.Errorf("after %v: %v", took, err)
		}
		mustBe(t, err, muxpool.ErrConnLost)
		equal(t, "attempts told: the one that was lost, and one at each node", len(as[*RetryError](t, err).Attempts), 3)
	})
}

// Time that an attempt took which was sent, and refused, is not given back with that of one which was not.
func TestTheTimeOfWhatWasSentIsNotGivenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fleet{do: func(n muxpool.Node, ctx context.Context) error {
			switch n {
			case node("a"):
				time.Sleep(400 * time.Millisecond)
				return refused(transport.CodeResourceExhausted)
			case node("b"):
				time.Sleep(300 * time.Millisecond)
				return errUnsent
			}
			return hang(n, ctx)
		}}
		begin := time.Now()
		_, err := retryOver(f, 3, time.Second, abc, WithWait(0))(t.Context(), nil)
		equal(t, "took", time.Since(begin), 1300*time.Millisecond)
		equal(t, "gave up", as[*RetryError](t, err).GaveUp, GaveUpTimeout)
		equal(t, "calls", len(f.called()), 3)
	})
}
