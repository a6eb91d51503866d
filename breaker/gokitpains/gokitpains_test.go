package gokitpains

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/kit/circuitbreaker"
	"github.com/go-kit/kit/endpoint"
	"github.com/sony/gobreaker"

	"github.com/muxkit/muxkit/breaker"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/verdict"
)

var (
	nodeA = muxpool.Node{Network: "tcp", Address: "10.0.0.1:7000"}
	nodeB = muxpool.Node{Network: "tcp", Address: "10.0.0.2:7000"}

	errSick = errors.New("sick")
)

// both runs a test with go-kit's part, which must show the pain, and with ours,
// which must not.
func both(t *testing.T, hurts func(t *testing.T, guard func(muxpool.Node) endpoint.Middleware, pool *events) bool) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		gokit := circuitbreaker.Gobreaker(gobreaker.NewCircuitBreaker(gobreaker.Settings{}))
		if !hurts(t, func(muxpool.Node) endpoint.Middleware { return gokit }, new(events)) {
			t.Error("go-kit's part does not hurt: this test proves nothing")
		}
	})
	synctest.Test(t, func(t *testing.T) {
		g := breaker.NewGroup()
		defer g.Close()
		pool := new(events)
		defer g.Watch(pool)()
		if hurts(t, g.Middleware, pool) {
			t.Error("muxkit's part hurts as well")
		}
	})
}

// events stands for a pool that tells of its nodes.
type events struct{ tell func(muxpool.Event) }

func (e *events) Subscribe(f func(muxpool.Event)) (cancel func()) {
	e.tell = f
	return func() {}
}

func (e *events) expelled(n muxpool.Node) {
	if e.tell != nil { // go-kit's part has no ear for it
		e.tell(muxpool.Event{Kind: muxpool.NodeExpelled, Node: n, Reason: muxpool.ReasonDialFailed, Err: muxpool.ErrConnectionsHaveBeenExpelled})
	}
}

func healthy(context.Context, any) (any, error) { return "ok", nil }
func sick(context.Context, any) (any, error)    { return nil, errSick }

// untilDone answers when the caller has left.
func untilDone(ctx context.Context, _ any) (any, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func isOpen(err error) bool { return errors.Is(err, gobreaker.ErrOpenState) }

// Callers who leave (a closed browser, a hedge that lost) say nothing about the
// node. Six of them cut go-kit's breaker.
func TestCancelledCallsTripTheBreaker(t *testing.T) {
	both(t, func(t *testing.T, guard func(muxpool.Node) endpoint.Middleware, _ *events) bool {
		for range 6 {
			ctx, cancel := context.WithCancel(context.Background())
			time.AfterFunc(time.Millisecond, cancel)
			guard(nodeA)(untilDone)(ctx, nil)
		}
		_, err := guard(nodeA)(healthy)(context.Background(), nil)
		return isOpen(err)
	})
}

// A caller who leaves a half-open probe says nothing either: go-kit's breaker
// opens for another full timeout.
func TestCancelledProbeReopens(t *testing.T) {
	both(t, func(t *testing.T, guard func(muxpool.Node) endpoint.Middleware, _ *events) bool {
		for range 6 {
			guard(nodeA)(sick)(context.Background(), nil)
		}
		time.Sleep(time.Minute + time.Second)
		ctx, cancel := context.WithCancel(context.Background())
		time.AfterFunc(time.Millisecond, cancel)
		guard(nodeA)(untilDone)(ctx, nil)
		synctest.Wait() // muxkit's half gives the place back by the context's own goroutine
		_, err := guard(nodeA)(healthy)(context.Background(), nil)
		return isOpen(err)
	})
}

// A probe that hangs keeps the only half-open slot: without a deadline of its
// caller's, go-kit's breaker refuses everyone for ever.
func TestHangingProbeWedges(t *testing.T) {
	both(t, func(t *testing.T, guard func(muxpool.Node) endpoint.Middleware, _ *events) bool {
		for range 6 {
			guard(nodeA)(sick)(context.Background(), nil)
		}
		time.Sleep(time.Minute + time.Second)
		release := make(chan struct{})
		go guard(nodeA)(func(context.Context, any) (any, error) { <-release; return nil, nil })(context.Background(), nil)
		time.Sleep(time.Hour)
		_, err := guard(nodeA)(healthy)(context.Background(), nil)
		close(release)
		synctest.Wait()
		return errors.Is(err, gobreaker.ErrTooManyRequests)
	})
}

// go-kit's breaker learns of a dead node from the calls that die on it; the
// pool knew before.
func TestDeadNodeCostsCalls(t *testing.T) {
	both(t, func(t *testing.T, guard func(muxpool.Node) endpoint.Middleware, pool *events) bool {
		pool.expelled(nodeA)
		lost := 0
		for range 100 {
			if _, err := guard(nodeA)(sick)(context.Background(), nil); !isOpen(err) {
				lost++
			}
		}
		return lost > 0
	})
}

// go-kit's examples put one breaker around a method, over the balancer: one sick
// node closes the healthy ones off.
func TestSickNodeClosesOffHealthyOnes(t *testing.T) {
	both(t, func(t *testing.T, guard func(muxpool.Node) endpoint.Middleware, _ *events) bool {
		for range 6 {
			guard(nodeA)(sick)(context.Background(), nil)
		}
		_, err := guard(nodeB)(healthy)(context.Background(), nil)
		return isOpen(err)
	})
}

// A service that has done its work, and says no, is well: an account without funds is
// no sick node.
func TestBusinessErrorsTripTheBreaker(t *testing.T) {
	both(t, func(t *testing.T, guard func(muxpool.Node) endpoint.Middleware, _ *events) bool {
		no := verdict.Tell(errors.New("insufficient funds"), verdict.ByCode(verdict.CodeBusiness))
		for range 100 {
			guard(nodeA)(func(context.Context, any) (any, error) { return nil, no })(context.Background(), nil)
		}
		_, err := guard(nodeA)(healthy)(context.Background(), nil)
		return isOpen(err)
	})
}

// go-kit's breaker says that it is open: not for which node, why, nor until when.
func TestOpenErrorTellsNothing(t *testing.T) {
	both(t, func(t *testing.T, guard func(muxpool.Node) endpoint.Middleware, _ *events) bool {
		var err error
		for range 7 {
			_, err = guard(nodeA)(sick)(context.Background(), nil)
		}
		var open *breaker.OpenError
		return !errors.As(err, &open) || open.Node != nodeA || open.RetryAfter <= 0 || !errors.Is(err, errSick)
	})
}
