package endpoint

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/kit/endpoint"
	"github.com/go-kit/kit/ratelimit"
	"github.com/go-kit/kit/sd"
	"github.com/go-kit/kit/sd/lb"

	"github.com/muxkit/muxkit/breaker"
	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/verdict"
	"github.com/muxkit/muxkit/transport"
)

// outFor is a switchboard whose node a is out for d.
func outFor(d time.Duration) *switchboard {
	b := newSwitchboard(node("a"))
	time.AfterFunc(d, func() { b.close(node("a")) })
	return b
}

func TestCallsWaitForANodeThatIsOut(t *testing.T) {
	for name, opts := range map[string][]Option{
		"with retries":    {WithRetry(3, 500*time.Millisecond)},
		"without retries": nil,
		"hedged":          {WithRetry(3, 500*time.Millisecond), WithIdempotent(Always), WithHedging(time.Millisecond)},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := NewSet(sd.FixedInstancer{"a:1"}, nil, append(opts, withBreakers(outFor(511*time.Millisecond)))...)
				defer s.Close()
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				defer cancel()
				begin := time.Now()
				got, err := s.EndpointFrom("Get", (&shop{}).factory)(ctx, "x")
				if got != "x from a:1" || err != nil {
					t.Errorf("%v, %v", got, err)
				}
				equal(t, "took", time.Since(begin), 511*time.Millisecond)
				equal(t, "waiting", s.waiting.Load(), 0)
			})
		})
	}
}

// The breakers of a Group: time alone brings the node back.
func TestCallsWaitForABreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := breaker.NewGroup(breaker.WithEjectionTime(300*time.Millisecond, time.Second), breaker.WithoutJitter())
		defer g.Close()
		s := NewSet(sd.FixedInstancer{"a:1"}, nil, WithBreakers(g), WithRetry(3, 500*time.Millisecond))
		defer s.Close()
		get := s.EndpointFrom("Get", (&shop{}).factory)
		g.Trip(node("a"), errors.New("an exercise"))
		begin := time.Now()
		var answered atomic.Int64
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				if _, err := get(t.Context(), nil); err != nil {
					t.Error(err)
				}
				answered.Add(1)
			})
		}
		bounded.Wait(t, wg.Wait)
		equal(t, "answered", answered.Load(), 100)
		// Two may look for the one place of the probe; who loses comes back after a backoff.
		if took := time.Since(begin); took < 300*time.Millisecond || took > 300*time.Millisecond+defaultBackoffInitial {
			t.Errorf("took %v", took)
		}
	})
}

func TestCallsWaitForDiscovery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := discover()
		s := NewSet(d, nil, WithRetry(3, 500*time.Millisecond))
		defer s.Close()
		get := s.EndpointFrom("Get", (&shop{}).factory)
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				begin := time.Now()
				if _, err := get(ctx, nil); err != nil {
					t.Error(err)
				}
				equal(t, "took", time.Since(begin), 200*time.Millisecond)
			})
		}
		time.Sleep(200 * time.Millisecond)
		d.now(s, "a:1")
		bounded.Wait(t, wg.Wait)
	})
}

// A node that could not be sent the call, and has no breaker that tells of it, is asked again
// within the wait. However long that is, the call keeps one error of it.
func TestACallThatWaitsGoesBackWhereItCouldNotBeSent(t *testing.T) {
	for name, back := range map[string]bool{"back in time": true, "never back": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begin := time.Now()
				f := &shop{}
				f.do = func(muxpool.Node, context.Context) error {
					if back && time.Since(begin) > 300*time.Millisecond {
						return nil
					}
					return errUnsent
				}
				s := NewSet(sd.FixedInstancer{"a:1", "b:1"}, nil, WithRetry(3, 500*time.Millisecond), WithWait(20*time.Second))
				defer s.Close()
				_, err := s.EndpointFrom("Get", f.factory)(t.Context(), nil)
				took := time.Since(begin)
				if !back {
					e := as[*RetryError](t, err)
					equal(t, "attempts told", len(e.Attempts), 2)
					equal(t, "gave up", e.GaveUp, GaveUpNoNode)
					equal(t, "took", took, 20*time.Second)
					mustBe(t, err, errUnsent)
					equal(t, "what was waited for", as[*WaitError](t, err).For, error(errUnsent))
					equal(t, "waited, in all", as[*WaitError](t, err).Waited, 20*time.Second)
				} else if err != nil || took > 450*time.Millisecond {
					t.Errorf("%v after %v", err, took)
				}
				if n := len(f.called()); n < 8 || n > 800 {
					t.Errorf("the nodes were asked %d times", n)
				}
			})
		})
	}
}

// A call waits for a change even if a node wants to be asked later.
func TestTheRetryAfterOfTheOnlyNodeIsWaitedFor(t *testing.T) {
	for name, c := range map[string]struct {
		err  *transport.Error
		b    bool // node b comes after 100 ms
		took time.Duration
	}{
		"it may have run":              {&transport.Error{Code: transport.CodeUnavailable, Remote: true}, false, 2 * time.Second},
		"it was refused":               {&transport.Error{Code: transport.CodeResourceExhausted, Remote: true, NotRun: true}, false, 2 * time.Second},
		"another node comes meanwhile": {&transport.Error{Code: transport.CodeUnavailable, Remote: true}, true, 100 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c.err.RetryAfter = 2 * time.Second
				d, f := discover("a:1"), &shop{}
				f.do = script(c.err)
				s := NewSet(d, nil, WithRetry(3, 500*time.Millisecond), WithIdempotent(Always), WithBackoff(1, 1))
				defer s.Close()
				get := s.EndpointFrom("Get", f.factory)
				if c.b {
					time.AfterFunc(100*time.Millisecond, func() { d.now(s, "a:1", "b:1") })
				}
				begin := time.Now()
				_, err := get(t.Context(), nil)
				if took := time.Since(begin); err != nil || took < c.took || took > c.took+time.Millisecond {
					t.Errorf("%v after %v", err, took)
				}
			})
		})
	}
}

func TestAWaitHasABound(t *testing.T) {
	deadline := func(d time.Duration) func(context.Context) (context.Context, context.CancelFunc) {
		return func(ctx context.Context) (context.Context, context.CancelFunc) { return context.WithTimeout(ctx, d) }
	}
	for name, c := range map[string]struct {
		opts   []Option
		method []Option
		ctx    func(context.Context) (context.Context, context.CancelFunc)
		took   time.Duration
		gaveUp GaveUp
		code   verdict.Code
	}{
		"without a deadline, 5 s":      {nil, nil, nil, 5 * time.Second, GaveUpNoNode, verdict.CodeUnavailable},
		"the caller's time":            {nil, nil, deadline(20 * time.Second), 20 * time.Second, GaveUpContext, verdict.CodeDeadlineExceeded},
		"the caller's time is shorter": {nil, nil, deadline(time.Second), time.Second, GaveUpContext, verdict.CodeDeadlineExceeded},
		"the Set's":                    {[]Option{WithWait(2 * time.Second)}, nil, deadline(time.Minute), 2 * time.Second, GaveUpNoNode, verdict.CodeUnavailable},
		"the method's":                 {[]Option{WithWait(2 * time.Second)}, []Option{WithWait(3 * time.Second)}, nil, 3 * time.Second, GaveUpNoNode, verdict.CodeUnavailable},
		"the method's default":         {[]Option{WithWait(2 * time.Second)}, []Option{WithWait(0)}, nil, 5 * time.Second, GaveUpNoNode, verdict.CodeUnavailable},
		"the Set does not":             {[]Option{WithoutWait()}, nil, nil, 0, GaveUpNoNode, verdict.CodeUnavailable},
		"the method does not":          {nil, []Option{WithoutWait()}, nil, 0, GaveUpNoNode, verdict.CodeUnavailable},
		"only the method does":         {[]Option{WithoutWait()}, []Option{WithWait(0)}, nil, 5 * time.Second, GaveUpNoNode, verdict.CodeUnavailable},
		"of its call": {nil, nil, func(ctx context.Context) (context.Context, context.CancelFunc) {
			return WithCallOptions(ctx, CallWait(time.Second)), func() {}
		}, time.Second, GaveUpNoNode, verdict.CodeUnavailable},
		"not this call": {nil, nil, func(ctx context.Context) (context.Context, context.CancelFunc) {
			return WithCallOptions(ctx, CallWithoutWait()), func() {}
		}, 0, GaveUpNoNode, verdict.CodeUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				opts := append([]Option{withBreakers(newSwitchboard(node("a"), node("b"))), WithRetry(3, 500*time.Millisecond)}, c.opts...)
				s := NewSet(sd.FixedInstancer{"a:1", "b:1"}, nil, opts...)
				defer s.Close()
				get := s.EndpointFrom("Get", (&shop{}).factory, c.method...)
				ctx := t.Context()
				if c.ctx != nil {
					var cancel context.CancelFunc
					ctx, cancel = c.ctx(ctx)
					defer cancel()
				}
				begin := time.Now()
				_, err := get(ctx, nil)
				equal(t, "took", time.Since(begin), c.took)
				equal(t, "gave up", as[*RetryError](t, err).GaveUp, c.gaveUp)
				equal(t, "code", verdict.Of(err).Code, c.code)
				equal(t, "sent", verdict.Of(err).Sent(), false)
				equal(t, "nodes told", len(as[*AllOpenError](t, err).Nodes), 2)
				if c.took == 0 {
					return
				}
				w := as[*WaitError](t, err)
				equal(t, "waited", w.Waited, c.took)
				for _, part := range []string{"waited " + c.took.String(), "all 2 nodes are out", "cause of a:1", "cause of b:1"} {
					if !strings.Contains(err.Error(), part) {
						t.Errorf("%q is not in %v", part, err)
					}
				}
				if c.gaveUp == GaveUpContext {
					mustBe(t, err, context.DeadlineExceeded)
				} else {
					equal(t, "may be made later", verdict.Of(err).WaitedFor(), true)
				}
			})
		})
	}
}

// Without retries the error is the wait's own.
func TestAWaitWithoutRetriesTellsItsError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewSet(discover(), nil, WithWait(time.Second))
		defer s.Close()
		_, err := s.EndpointFrom("Get", (&shop{}).factory)(t.Context(), nil)
		e, ok := err.(*WaitError)
		if !ok || e.Waited != time.Second || e.Sent() || e.StatusCode() != 503 {
			t.Fatalf("%#v", err)
		}
		mustBe(t, err, lb.ErrNoEndpoints)
	})
}

func TestAWaitWithoutRetriesTellsTheLastAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &shop{}
		f.do = func(muxpool.Node, context.Context) error { return errUnsent }
		s := NewSet(sd.FixedInstancer{"a:1"}, nil, WithWait(time.Second))
		defer s.Close()
		_, err := s.EndpointFrom("Get", f.factory)(t.Context(), nil)
		equal(t, "waited", as[*WaitError](t, err).Waited, time.Second)
		mustBe(t, err, errUnsent)
	})
}

// However many nodes could not be sent it, a call that waits is not given up.
func TestACallThatWaitsGoesToMoreNodesThanAreFree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var nodes []string
		for i := range 2 * maxFree {
			nodes = append(nodes, fmt.Sprintf("n%d:1", i))
		}
		f, begin := &shop{}, time.Now()
		f.do = func(muxpool.Node, context.Context) error {
			if time.Since(begin) > time.Second {
				return nil
			}
			return errUnsent
		}
		s := NewSet(sd.FixedInstancer(nodes), nil, WithRetry(3, 500*time.Millisecond))
		defer s.Close()
		_, err := s.EndpointFrom("Get", f.factory)(t.Context(), nil)
		equal(t, "error", err, nil)
	})
}

// incurable is a Set that no wait helps, and why.
type incurable struct {
	*Set
	cause error
}

func TestWhatTimeDoesNotCureFailsAtOnce(t *testing.T) {
	open := func(cause error) func() incurable {
		return func() incurable {
			b := newSwitchboard(node("a"))
			b.open[node("a")].Cause = fmt.Errorf("dial: %w", cause)
			return incurable{NewSet(sd.FixedInstancer{"a:1"}, nil, withBreakers(b)), cause}
		}
	}
	fails := func(err error) func() incurable {
		return func() incurable {
			return incurable{NewSet(sd.FixedInstancer{"a:1"}, nil, WithNodeMiddleware(failingNode(err))), err}
		}
	}
	refused := &net.OpError{Op: "remote error", Err: tls.AlertError(49)}
	for name, set := range map[string]func() incurable{
		"a certificate that does not verify": open(&tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}),
		"a certificate of another name":      open(x509.HostnameError{Certificate: &x509.Certificate{}}),
		"a handshake that was refused":       open(refused),
		"a peer that speaks no TLS":          open(tls.RecordHeaderError{Msg: "no TLS"}),
		"credentials":                        open(&transport.Error{Code: transport.CodeUnauthenticated}),
		"a certificate, of a call":           fails(&muxpool.Error{Op: "get", Err: &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}}),
		"a pool that was closed":             fails(&muxpool.Error{Op: "get", Err: muxpool.ErrPoolClosed}),
		"no instance is a node":              func() incurable { return incurable{NewSet(sd.FixedInstancer{"http://a"}, nil), ErrInstance} },
		"an option that makes no sense": func() incurable {
			return incurable{NewSet(sd.FixedInstancer{}, nil, WithWait(-1)), ErrInvalidOption}
		},
		"a method that every node lacks": fails(&transport.Error{Code: transport.CodeUnimplemented, Remote: true, NotRun: true}),
		"a limit at home":                fails(ratelimit.ErrLimited),
		"the Set was closed": func() incurable {
			s := NewSet(sd.FixedInstancer{"a:1"}, nil)
			s.Close()
			return incurable{s, ErrSetClosed}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := set()
				defer s.Close()
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				begin := time.Now()
				_, err := s.EndpointFrom("Get", (&shop{}).factory)(ctx, nil)
				if !errors.Is(err, s.cause) {
					t.Errorf("error %v", err)
				}
				equal(t, "took", time.Since(begin), 0)
			})
		})
	}
}

func failingNode(err error) func(string, muxpool.Node) endpoint.Middleware {
	return func(string, muxpool.Node) endpoint.Middleware {
		return func(endpoint.Endpoint) endpoint.Endpoint { return failing(err) }
	}
}

// One node that time may bring back is enough to wait.
func TestACallWaitsForTheNodeThatTimeMayCure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newSwitchboard(node("a"), node("b"))
		b.open[node("a")].Cause = &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}
		time.AfterFunc(time.Second, func() { b.close(node("b")) })
		s := NewSet(sd.FixedInstancer{"a:1", "b:1"}, nil, withBreakers(b))
		defer s.Close()
		got, err := s.EndpointFrom("Get", (&shop{}).factory)(t.Context(), "x")
		equal(t, "answer", fmt.Sprint(got, err), "x from b:1<nil>")
	})
}

// ... and what becomes known while it waits ends the wait.
func TestAWaitEndsWhenItsCauseTurnsOutToLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newSwitchboard(node("a"))
		s := NewSet(sd.FixedInstancer{"a:1"}, nil, withBreakers(b))
		defer s.Close()
		get := s.EndpointFrom("Get", (&shop{}).factory)
		time.AfterFunc(time.Second, func() {
			b.mu.Lock()
			b.open[node("a")] = &breaker.OpenError{Node: node("a"), Cause: &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}}
			b.mu.Unlock()
			b.changed.ring()
		})
		begin := time.Now()
		waiting(t, get, 100, func(_ int, err error) {
			as[*tls.CertificateVerificationError](t, err)
			equal(t, "took", time.Since(begin), time.Second)
		})
	})
}

// waiting makes n calls, one after the other, and waits for their ends.
func waiting(t *testing.T, get func(context.Context, any) (any, error), n int, ended func(i int, err error)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			_, err := get(t.Context(), nil)
			ended(i, err)
		})
		synctest.Wait()
	}
	bounded.Wait(t, wg.Wait)
}

// gatekeeper is a breaker that lets as many calls pass as somebody has allowed: like one
// that is half-open.
type gatekeeper struct {
	places atomic.Int64
	looks  atomic.Int64
	bell   bell
}

func (g *gatekeeper) allow(n int64) {
	g.places.Add(n)
	g.bell.ring()
}

func (g *gatekeeper) Changes() uint64              { return uint64(g.looks.Add(1)) }
func (g *gatekeeper) Changed() <-chan struct{}     { return g.bell.next() }
func (g *gatekeeper) Hold(muxpool.Node) func()     { return func() {} }
func (g *gatekeeper) Guard(t breaker.Target) guard { return &gateGuard{g, t.Node} }

type gateGuard struct {
	*gatekeeper
	node muxpool.Node
}

func (g *gateGuard) Ready() bool { return g.places.Load() > 0 }

func (g *gateGuard) Check() error {
	if g.Ready() {
		return nil
	}
	return &breaker.OpenError{Node: g.node, Reason: breaker.ReasonTripped}
}

func (g *gateGuard) Middleware() endpoint.Middleware {
	return guarding(func() error {
		for {
			n := g.places.Load()
			if n <= 0 {
				return g.Check()
			}
			if g.places.CompareAndSwap(n, n-1) {
				return nil
			}
		}
	})
}

// gated is a Set with a node that takes the calls that its gatekeeper allows.
func gated(t *testing.T, opts ...Option) (*Set, *gatekeeper, func(context.Context, any) (any, error)) {
	g := &gatekeeper{}
	s := NewSet(sd.FixedInstancer{"a:1"}, nil, append(opts, withBreakers(g))...)
	return s, g, s.EndpointFrom("Get", (&shop{}).factory)
}

func TestWaitingCallsAreServedInOrder(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // who is served first is then also the first at the node
	var want []int
	for i := range 50 {
		want = append(want, i)
	}
	for try := 1; ; try++ {
		order := orderOfService(t, len(want))
		if slices.Equal(order, want) {
			return
		}
		if try == 5 { // a machine that has much else to do stops one just before it takes its place
			t.Fatalf("order %v", order)
		}
	}
}

// orderOfService is the order in which calls are answered that began one after the other.
func orderOfService(t *testing.T, calls int) (order []int) {
	synctest.Test(t, func(t *testing.T) {
		s, g, get := gated(t, WithWait(time.Hour))
		defer s.Close()
		var mu sync.Mutex
		var guard sync.WaitGroup
		defer bounded.Wait(t, guard.Wait)
		guard.Go(func() {
			for _, n := range []int64{0, 1, 1, 3, 1, 10, 1000} {
				g.allow(n)
				time.Sleep(time.Second)
			}
		})
		waiting(t, get, calls, func(i int, err error) {
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			order = append(order, i)
		})
	})
	return order
}

// A call that comes while others wait goes behind them, though there is a node just then.
func TestACallThatComesDoesNotOvertakeThoseThatWait(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // who is told first is then also the first at the node
	synctest.Test(t, func(t *testing.T) {
		s, g, get := gated(t)
		defer s.Close()
		var first, second time.Time
		var wg sync.WaitGroup
		wg.Go(func() { get(t.Context(), nil); first = time.Now() })
		synctest.Wait()
		g.places.Store(1) // nobody was told yet
		wg.Go(func() { get(t.Context(), nil); second = time.Now() })
		synctest.Wait()
		begin := time.Now()
		time.Sleep(time.Second)
		g.bell.ring()
		synctest.Wait()
		equal(t, "the first", first.Sub(begin), time.Second)
		time.Sleep(time.Second)
		g.allow(1)
		bounded.Wait(t, wg.Wait)
		equal(t, "the second", second.Sub(begin), 2*time.Second)
	})
}

// A single place wakes the call that takes it and the one behind it, not a thousand.
func TestASlotDoesNotWakeAllWhoWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, g, get := gated(t, WithWait(time.Hour))
		defer s.Close()
		time.AfterFunc(time.Second, func() {
			before := g.looks.Load()
			g.allow(1)
			time.Sleep(time.Second)
			if looks := g.looks.Load() - before; looks > 20 { // three, or some more if two see the place before one has taken it
				t.Errorf("%d looks for one place", looks)
			}
			g.allow(1000)
		})
		waiting(t, get, 1000, func(_ int, err error) {
			if err != nil {
				t.Error(err)
			}
		})
	})
}

// Calls that have a reason of their own to wait keep their place, and nobody waits for them.
func TestACallThatWaitsForReasonsOfItsOwnHoldsUpNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, f := newSwitchboard(node("b")), &shop{}
		f.do = script(&transport.Error{Code: transport.CodeUnavailable, Remote: true, RetryAfter: 3 * time.Second})
		s := NewSet(sd.FixedInstancer{"a:1", "b:1"}, nil, withBreakers(b), WithRetry(3, time.Second), WithIdempotent(Always))
		defer s.Close()
		get := s.EndpointFrom("Get", f.factory)
		begin := time.Now()
		done := make(chan time.Duration)
		go func() { get(t.Context(), nil); done <- time.Since(begin) }()
		synctest.Wait()
		time.Sleep(time.Second)
		if _, err := get(t.Context(), nil); err != nil || time.Since(begin) != time.Second {
			t.Errorf("another call: %v after %v", err, time.Since(begin))
		}
		if took := bounded.Receive(t, done); took < 3*time.Second || took > 3*time.Second+time.Millisecond {
			t.Errorf("took %v", took)
		}
	})
}

// Those behind a call that must not go back to the node take it, all of them.
func TestCallsBehindOneThatMayNotGoBackAreServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, f := newSwitchboard(), &shop{}
		f.do = script(&transport.Error{Code: transport.CodeUnavailable, Remote: true, RetryAfter: 3 * time.Second})
		s := NewSet(sd.FixedInstancer{"a:1"}, nil, withBreakers(b), WithRetry(3, time.Second), WithIdempotent(Always), WithBackoff(1, 1))
		defer s.Close()
		get := s.EndpointFrom("Get", f.factory)
		begin := time.Now()
		var wg sync.WaitGroup
		call := func(min, max time.Duration) {
			wg.Go(func() {
				if _, err := get(t.Context(), nil); err != nil || time.Since(begin) < min || time.Since(begin) > max {
					t.Errorf("%v after %v", err, time.Since(begin))
				}
			})
			time.Sleep(10 * time.Millisecond)
		}
		call(3*time.Second, 3*time.Second+time.Millisecond)
		b.mu.Lock()
		b.open[node("a")] = &breaker.OpenError{Node: node("a")}
		b.mu.Unlock()
		b.changed.ring()
		for range 5 {
			call(time.Second, time.Second)
		}
		time.Sleep(time.Until(begin.Add(time.Second)))
		b.close(node("a"))
		bounded.Wait(t, wg.Wait)
	})
}

// Who comes back is asked by those, too, who could not be sent there before it was out.
func TestANodeThatIsBackIsAskedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, f := newSwitchboard(), &shop{}
		first := true
		f.do = func(muxpool.Node, context.Context) error {
			if !first {
				return nil
			}
			first = false
			b.mu.Lock()
			b.open[node("a")] = &breaker.OpenError{Node: node("a")}
			b.mu.Unlock()
			time.AfterFunc(time.Second, func() { b.close(node("a")) })
			return errUnsent
		}
		s := NewSet(sd.FixedInstancer{"a:1"}, nil, withBreakers(b))
		defer s.Close()
		begin := time.Now()
		_, err := s.EndpointFrom("Get", f.factory)(t.Context(), nil)
		equal(t, "error", err, nil)
		equal(t, "took", time.Since(begin), time.Second)
	})
}

func TestAtMostSoManyCallsWait(t *testing.T) {
	for name, c := range map[string]struct {
		opts []Option
		n    int
	}{"default": {nil, 1024}, "an option": {[]Option{WithMaxWaiting(3)}, 3}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, g, get := gated(t, append(c.opts, WithRetry(2, time.Second))...)
				defer s.Close()
				put := s.EndpointFrom("Put", (&shop{}).factory)
				var wg sync.WaitGroup
				for i := range c.n {
					wg.Go(func() {
						call := get
						if i%2 == 0 {
							call = put
						}
						if _, err := call(t.Context(), nil); err != nil {
							t.Error(err)
						}
					})
				}
				synctest.Wait()
				equal(t, "waiting", s.waiting.Load(), int64(c.n))
				begin := time.Now()
				_, err := get(t.Context(), nil)
				equal(t, "took", time.Since(begin), 0)
				mustBe(t, err, ErrTooManyWaiting)
				v := verdict.Of(err)
				equal(t, "verdict", fmt.Sprint(v.Code, v.Whose, v.Ran), "resource exhausted overload not sent")
				equal(t, "the reason of each node", len(as[*AllOpenError](t, err).Nodes), 1)
				if !strings.Contains(err.Error(), "too many calls wait") {
					t.Error(err)
				}
				g.places.Store(1 << 20) // a node is there, and the line is full: a call takes it
				if _, err := get(t.Context(), nil); err != nil {
					t.Errorf("a call for which there is a node: %v", err)
				}
				g.bell.ring()
				bounded.Wait(t, wg.Wait)
				equal(t, "waiting in the end", s.waiting.Load(), 0)
			})
		})
	}
}

// Those who leave do so at once, and nobody looks for a node because of it.
func TestCallersWhoLeaveDoSoAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, g, get := gated(t)
		defer s.Close()
		gone := errors.New("the user left")
		ctx, cancel := context.WithCancelCause(t.Context())
		var wg sync.WaitGroup
		for range 1000 {
			wg.Go(func() {
				_, err := get(ctx, nil)
				mustBe(t, err, gone, context.Canceled)
				equal(t, "code", verdict.Of(err).Code, verdict.CodeCanceled)
			})
		}
		synctest.Wait()
		stays := errors.New("no answer yet")
		wg.Go(func() { _, stays = get(t.Context(), nil) })
		synctest.Wait()
		begin, looks := time.Now(), g.looks.Load()
		cancel(gone)
		synctest.Wait()
		equal(t, "took", time.Since(begin), 0)
		if n := g.looks.Load() - looks; n > 2 {
			t.Errorf("%d looks", n)
		}
		equal(t, "waiting", s.waiting.Load(), 1)
		g.allow(1)
		bounded.Wait(t, wg.Wait)
		equal(t, "the one that stays", stays, nil)
	})
}

func TestClosingASetWakesAllWhoWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _, get := gated(t)
		put := s.EndpointFrom("Put", (&shop{}).factory)
		begin := time.Now()
		time.AfterFunc(time.Second, s.Close)
		var wg sync.WaitGroup
		for _, call := range []func(context.Context, any) (any, error){get, put} {
			for range 100 {
				wg.Go(func() {
					_, err := call(t.Context(), nil)
					mustBe(t, err, ErrSetClosed)
					equal(t, "took", time.Since(begin), time.Second)
				})
			}
		}
		bounded.Wait(t, wg.Wait)
	})
}

// A Refresher is asked again for as long as somebody waits.
func TestDiscoveryIsAskedAgainWhileCallsWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &asked{discovery: discover()}
		s := NewSet(a, nil, WithWait(10*time.Second))
		defer s.Close()
		s.EndpointFrom("Get", (&shop{}).factory)(t.Context(), nil)
		synctest.Wait() // it may have been asked at the very end
		if n := len(a.times); n < 7 || n > 11 {
			t.Errorf("asked %d times in 10 s", n)
		}
	})
}

// Over nodes of the user's own, Retry waits if it is told to.
func TestRetryWaitsIfItIsToldTo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := outFor(time.Second)
		balancer := NewBalancer((&fleet{}).nodes("a"), withBreakers(b))
		_, err := Retry(3, time.Minute, balancer)(t.Context(), nil)
		as[*AllOpenError](t, err)
		begin := time.Now()
		if _, err := Retry(3, time.Minute, balancer, WithWait(0))(t.Context(), nil); err != nil {
			t.Error(err)
		}
		equal(t, "took", time.Since(begin), time.Second)
	})
}

// Waiters, changes, departures and closing at random: nobody is forgotten.
func TestNobodyWhoWaitsIsForgotten(t *testing.T) {
	s, g, get := gated(t, WithWait(time.Minute))
	defer s.Close()
	var wg sync.WaitGroup
	var served atomic.Int64
	for i := range 400 {
		wg.Go(func() {
			ctx := t.Context()
			if i%4 == 0 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, time.Duration(i)*50*time.Microsecond)
				defer cancel()
			}
			if _, err := get(ctx, nil); err == nil {
				served.Add(1)
			} else if i%4 != 0 {
				t.Error(err)
			}
		})
	}
	for range 400 {
		g.allow(1)
		time.Sleep(10 * time.Microsecond)
	}
	bounded.Wait(t, wg.Wait)
	if served.Load() < 300 {
		t.Errorf("%d were served", served.Load())
	}
}
