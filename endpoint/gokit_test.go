package endpoint

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/kit/endpoint"
	"github.com/go-kit/kit/sd"
	"github.com/go-kit/kit/sd/lb"
	"github.com/go-kit/log"

	"github.com/muxkit/muxkit/breaker"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/verdict"
)

// The tests of this file put a go-kit part and the one that replaces it here
// through the same: go-kit's must fail, so that they tell when it is mended.

// lost makes n calls and counts those that failed.
func lost(ctx context.Context, ep endpoint.Endpoint, n int) int {
	failed := 0
	for range n {
		if _, err := ep(ctx, "x"); err != nil {
			failed++
		}
	}
	return failed
}

// balanced is the endpoint of a balancer without retries.
func balanced(b lb.Balancer) endpoint.Endpoint {
	return func(ctx context.Context, request any) (any, error) {
		ep, err := b.Endpoint()
		if err != nil {
			return nil, err
		}
		return ep(ctx, request)
	}
}

func TestGoKitRoundRobinKeepsPickingOpenNodes(t *testing.T) {
	g := breaker.NewGroup()
	defer g.Close()
	defer g.Hold(node("a"))()
	defer g.Hold(node("b"))()
	g.ForceOpen(node("a"), errors.New("maintenance"))
	f := &fleet{}
	var theirs sd.FixedEndpointer
	var ours FixedEndpointer
	for _, n := range []muxpool.Node{node("a"), node("b")} {
		ep := g.Middleware(n)(f.endpoint(n))
		theirs, ours = append(theirs, ep), append(ours, NewNodeEndpoint(n, ep))
	}
	equal(t, "of 100 calls go-kit's round robin loses", lost(t.Context(), balanced(lb.NewRoundRobin(theirs)), 100), 50)
	for _, p := range policies {
		b := NewBalancer(ours, WithBreakers(g), WithPolicy(p))
		equal(t, fmt.Sprintf("of 100 calls %v loses", p), lost(t.Context(), balanced(b), 100), 0)
	}
}

func TestGoKitRetryErrorHidesItsCause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fleet{do: func(muxpool.Node, context.Context) error { return errUnsent }}
		ep := f.endpoint(node("a"))
		_, err := lb.Retry(2, time.Second, lb.NewRoundRobin(sd.FixedEndpointer{ep}))(t.Context(), nil)
		if errors.Is(err, errUnsent) || err == nil {
			t.Errorf("go-kit's error tells its cause: %v", err)
		}
		_, err = Retry(2, time.Second, lb.NewRoundRobin(sd.FixedEndpointer{ep}))(t.Context(), nil)
		mustBe(t, err, errUnsent)
	})
}

func TestGoKitEndpointerCloseClosesNoEndpoint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		closes := 0
		factory := func(string) (endpoint.Endpoint, io.Closer, error) {
			return endpoint.Nop, release(func() { closes++ }), nil
		}
		theirs := sd.NewEndpointer(sd.FixedInstancer{"a:1", "b:1"}, factory, log.NewNopLogger())
		synctest.Wait()
		theirs.Close()
		equal(t, "closed by go-kit's Endpointer", closes, 0)

		ours := NewSet(sd.FixedInstancer{"a:1", "b:1"}, nil)
		ours.EndpointFrom("Sum", factory)
		ours.Close()
		equal(t, "closed by a Set", closes, 2)
	})
}

// An endpoint that does not heed its context: go-kit's Retry leaves it behind, in
// a goroutine that nobody waits for, still using the caller's request.
func TestGoKitRetryLeavesGoroutinesBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var running atomic.Int64
		stubborn := sd.FixedEndpointer{func(context.Context, any) (any, error) {
			running.Add(1)
			defer running.Add(-1)
			time.Sleep(time.Second)
			return nil, errUnsent
		}}
		lb.Retry(3, time.Millisecond, lb.NewRoundRobin(stubborn))(t.Context(), nil)
		equal(t, "attempts that outlive go-kit's call", running.Load(), 1)
		time.Sleep(time.Minute)

		_, err := Retry(3, time.Millisecond, lb.NewRoundRobin(stubborn))(t.Context(), nil)
		equal(t, "attempts that outlive ours", running.Load(), 0)
		equal(t, "gave up", as[*RetryError](t, err).GaveUp, GaveUpTimeout)
	})
}

func TestGoKitRetryCallsAfterTheContextEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int64
		b := lb.NewRoundRobin(sd.FixedEndpointer{func(context.Context, any) (any, error) { calls.Add(1); return nil, nil }})
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		lb.Retry(3, time.Minute, b)(ctx, nil)
		synctest.Wait()
		equal(t, "calls of go-kit's", calls.Load(), 1)
		_, err := Retry(3, time.Minute, b)(ctx, nil)
		equal(t, "calls with ours", calls.Load(), 1)
		mustBe(t, err, context.Canceled)
		equal(t, "sent", verdict.Of(err).Sent(), false)
	})
}

func TestGoKitRetryRepeatsWhatMayHaveBeenSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		paid := 0
		pay := sd.FixedEndpointer{func(context.Context, any) (any, error) { paid++; return nil, errLost }}
		lb.Retry(3, time.Minute, lb.NewRoundRobin(pay))(t.Context(), nil)
		equal(t, "payments with go-kit's", paid, 3)
		paid = 0
		Retry(3, time.Minute, lb.NewRoundRobin(pay))(t.Context(), nil)
		equal(t, "payments with ours", paid, 1)
	})
}

func TestGoKitEndpointerCutsCallsOfDroppedNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// The endpoint's client: a call fails if it was closed meanwhile.
		factory := func(string) (endpoint.Endpoint, io.Closer, error) {
			cut := make(chan struct{})
			return func(context.Context, any) (any, error) {
				select {
				case <-cut:
					return nil, errLost
				case <-time.After(time.Second):
					return "answer", nil
				}
			}, release(func() { close(cut) }), nil
		}
		call := func(ep endpoint.Endpoint, drop func()) error {
			result := make(chan error)
			go func() {
				_, err := ep(t.Context(), nil)
				result <- err
			}()
			synctest.Wait()
			drop()
			return <-result
		}
		d := discover("a:1")
		theirs := sd.NewEndpointer(d, factory, log.NewNopLogger())
		synctest.Wait()
		err := call(balanced(lb.NewRoundRobin(theirs)), func() { d.send(sd.Event{}) })
		mustBe(t, err, errLost)
		theirs.Close()

		d = discover("a:1")
		ours := NewSet(d, nil)
		defer ours.Close()
		if err := call(ours.EndpointFrom("Sum", factory), func() { d.now(ours) }); err != nil {
			t.Errorf("a Set cut the call: %v", err)
		}
	})
}
