package breaker_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/go-kit/kit/endpoint"
	"github.com/sony/gobreaker"

	"github.com/muxkit/muxkit/breaker"
	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
)

// trials is how often a race is run: enough for each order of its steps to come
// up, also under -race.
const trials = 10_000

// An event of the pool that races with whatever else happens to the node is
// never lost: when all is done the node is out.
func TestEventIsNeverLost(t *testing.T) {
	expelled := muxpool.Event{Kind: muxpool.NodeExpelled, Node: nodeA, Reason: muxpool.ReasonDialFailed, Err: muxpool.ErrConnectionsHaveBeenExpelled}
	ready := muxpool.Event{Kind: muxpool.NodeReady, Node: nodeA}
	sick := endpoint.Endpoint(func(context.Context, any) (any, error) { return nil, errSick })
	call := func(g *breaker.Group, ep endpoint.Endpoint) { g.Middleware(nodeA)(ep)(context.Background(), nil) }
	halfOpen := func(g *breaker.Group, pool *source) { pool.emit(expelled); pool.emit(ready) }
	for _, c := range []struct {
		name   string
		before func(g *breaker.Group, pool *source)
		rival  func(g *breaker.Group, pool *source)
	}{
		{"a half-open probe that succeeds", halfOpen, func(g *breaker.Group, _ *source) { call(g, endpoint.Nop) }},
		{"a half-open probe that fails", halfOpen, func(g *breaker.Group, _ *source) { call(g, sick) }},
		{"calls that trip the breaker", nil, func(g *breaker.Group, _ *source) { call(g, sick) }},
		{"calls that succeed", nil, func(g *breaker.Group, _ *source) { call(g, endpoint.Nop) }},
		{"Trip", nil, func(g *breaker.Group, _ *source) { g.Trip(nodeA, errSick) }},
		{"Disable and Enable", nil, func(g *breaker.Group, _ *source) { g.Disable(nodeA); g.Enable(nodeA) }},
		{"new settings", halfOpen, func(g *breaker.Group, _ *source) { g.Update(breaker.WithProbes(1 + rand.IntN(3))) }},
		{"discovery", nil, func(g *breaker.Group, _ *source) { g.Hold(nodeA)() }},
		{"the node's first use", func(g *breaker.Group, _ *source) {}, func(g *breaker.Group, _ *source) { g.Middleware(nodeA) }},
		{"events of other nodes", nil, func(_ *breaker.Group, pool *source) {
			pool.emit(muxpool.Event{Kind: muxpool.NodeExpelled, Node: nodeB, Reason: muxpool.ReasonStalled})
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for i := range trials / 10 {
				g := breaker.NewGroup(breaker.WithDetectors(breaker.ConsecutiveFailures(1)), breaker.WithEjectionTime(time.Hour, 0))
				var pool source
				g.Watch(&pool)
				if c.before != nil {
					c.before(g, &pool)
				}
				race(func() { c.rival(g, &pool) }, func() { c.rival(g, &pool) }, func() { pool.emit(expelled) })
				var open *breaker.OpenError
				if !errors.As(g.Check(nodeA), &open) {
					t.Fatalf("trial %d: the event was lost", i)
				}
				g.Close()
			}
		})
	}
}

// The race that gobreaker alone loses, ten thousand times: the answer of a
// half-open probe against the news that the node is gone.
func TestEventAgainstProbe(t *testing.T) {
	g := breaker.NewGroup(breaker.WithEjectionTime(time.Hour, 0))
	defer g.Close()
	var pool source
	defer g.Watch(&pool)()
	expelled := muxpool.Event{Kind: muxpool.NodeExpelled, Node: nodeA, Reason: muxpool.ReasonConnLost, Err: muxpool.ErrConnLost}
	for i := range trials {
		pool.emit(expelled)
		pool.emit(muxpool.Event{Kind: muxpool.NodeReady, Node: nodeA})
		peer := newGate()
		answered := make(chan struct{})
		go func() { defer close(answered); g.Middleware(nodeA)(peer.endpoint)(context.Background(), nil) }()
		bounded.Receive(t, peer.entered)
		race(func() { peer.answer <- nil; <-answered }, func() { pool.emit(expelled) })
		if err := g.Check(nodeA); !errors.Is(err, gobreaker.ErrOpenState) || !errors.Is(err, muxpool.ErrConnLost) {
			t.Fatalf("trial %d: Check: %v", i, err)
		}
	}
}

// The same against forgetting: the timer of WithForget fires as the event comes.
func TestEventAgainstForgetting(t *testing.T) {
	g := breaker.NewGroup(breaker.WithForget(time.Nanosecond), breaker.WithEjectionTime(time.Hour, 0))
	defer g.Close()
	var pool source
	defer g.Watch(&pool)()
	for i := range trials / 10 {
		node := nodeN(i)
		release := g.Hold(node)
		race(release, func() {
			pool.emit(muxpool.Event{Kind: muxpool.NodeExpelled, Node: node, Reason: muxpool.ReasonStalled})
		})
		// Whether it is remembered or forgotten again by now: nobody may find it closed
		// and known.
		if st, ok := g.StatusOf(node); ok && st.State == breaker.Closed {
			t.Fatalf("trial %d: the event was lost", i)
		}
	}
}

// One of several nodes is always left, however they fail at the same time.
func TestShareHoldsInARace(t *testing.T) {
	for i := range trials / 10 {
		g := breaker.NewGroup(breaker.WithMaxEjection(1), breaker.WithEjectionTime(time.Hour, 0),
			breaker.WithDetectors(breaker.ConsecutiveFailures(1)))
		var fail []func()
		for n := range 4 {
			g.Hold(nodeN(n))
			ep := g.Middleware(nodeN(n))(func(context.Context, any) (any, error) { return nil, errSick })
			fail = append(fail, func() { ep(context.Background(), nil) })
		}
		race(fail...)
		left := 0
		for n := range 4 {
			if g.Check(nodeN(n)) == nil {
				left++
			}
		}
		if left != 1 {
			t.Fatalf("trial %d: %d nodes left, want 1", i, left)
		}
		g.Close()
	}
}

// A half-open node never has more probes at a time than it has places.
func TestSlotsHoldInARace(t *testing.T) {
	g := breaker.NewGroup(breaker.WithProbes(2), breaker.WithEjectionTime(time.Hour, 0))
	defer g.Close()
	var pool source
	defer g.Watch(&pool)()
	for i := range trials / 10 {
		pool.emit(muxpool.Event{Kind: muxpool.NodeExpelled, Node: nodeA, Reason: muxpool.ReasonStalled})
		pool.emit(muxpool.Event{Kind: muxpool.NodeReady, Node: nodeA})
		var mu sync.Mutex
		inside, most := 0, 0
		ep := g.Middleware(nodeA)(func(context.Context, any) (any, error) {
			mu.Lock()
			inside++
			most = max(most, inside)
			mu.Unlock()
			defer func() { mu.Lock(); inside--; mu.Unlock() }()
			return nil, breakerRefusal{} // its place comes back
		})
		try := func() { ep(context.Background(), nil) }
		race(try, try, try, try)
		if most > 2 {
			t.Fatalf("trial %d: %d probes at a time", i, most)
		}
		if g.Check(nodeA) != nil {
			t.Fatalf("trial %d: a place is lost", i)
		}
	}
}

// Everything at once, on two services, two identities and three methods: no race,
// no deadlock, and an order that comes last holds.
func TestAllAtOnce(t *testing.T) {
	g := breaker.NewGroup(breaker.WithForget(time.Microsecond), breaker.WithEjectionTime(time.Microsecond, time.Millisecond),
		breaker.WithPanicThreshold(0.3), breaker.WithDetectors(breaker.ConsecutiveFailures(2), breaker.FailureRate(0.3, time.Second, 3),
			breaker.SlowCalls(time.Nanosecond, 0.9, time.Second, 5), breaker.Deviation(0.1, 2, 1, time.Millisecond)))
	defer g.Close()
	g.Subscribe(func(c breaker.Change) { g.StatusOf(c.Node) })
	var pool source
	defer g.Watch(&pool)()
	steps := []func(){}
	for _, service := range []string{"", "one", "two"} {
		s := g.Scope(service)
		for i := range 3 {
			for _, m := range []string{"", "A", "B", "C"} {
				guard := s.Guard(breaker.Target{Node: nodeN(i), Method: m, Identity: []muxpool.Identity{{}, alice, bob}[i], OneWay: m == "C"})
				steps = append(steps, func() {
					err := []error{nil, errSick, status(503), status(404), context.DeadlineExceeded}[rand.IntN(5)]
					ctx, cancel := context.WithTimeout(context.Background(), time.Duration(rand.IntN(100))*time.Microsecond)
					defer cancel()
					guard.Middleware()(func(context.Context, any) (any, error) { return nil, err })(ctx, nil)
					guard.Ready()
					guard.Check()
				})
			}
		}
		steps = append(steps, func() { s.Hold(nodeN(rand.IntN(3)))() }, func() { s.Update(breaker.WithProbes(1 + rand.IntN(3))) })
	}
	steps = append(steps,
		func() { g.Trip(nodeN(rand.IntN(3)), errSick) },
		func() { g.ForceOpen(nodeN(rand.IntN(3)), errSick) },
		func() { g.Disable(nodeN(rand.IntN(3))) },
		func() { g.Enable(nodeN(rand.IntN(3))) },
		func() { g.Reset(nodeN(rand.IntN(3))) },
		func() { g.UpdateNode(nodeN(rand.IntN(3)), breaker.WithProbes(rand.IntN(3))) },
		func() { g.Update(breaker.WithObserveOnly(rand.IntN(2) == 0)) },
		func() { g.Status() },
		func() {
			pool.emit(muxpool.Event{Kind: muxpool.EventKind(1 + rand.IntN(6)), Node: nodeN(rand.IntN(3)), Identity: alice, Reason: muxpool.Reason(rand.IntN(15))})
		})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range trials / 4 {
				steps[rand.IntN(len(steps))]()
			}
		})
	}
	bounded.Wait(t, wg.Wait)
	g.Update(breaker.WithObserveOnly(false))
	g.ForceOpen(nodeA, errSick)
	if err := g.Check(nodeA); !errors.Is(err, errSick) {
		t.Errorf("Check: %v", err)
	}
	g.Reset(nodeA)
	if err := g.Check(nodeA); err != nil {
		t.Errorf("Check: %v", err)
	}
}

// race runs steps at the same time and waits for them.
func race(steps ...func()) {
	var wg sync.WaitGroup
	start := make(chan struct{})
	for _, step := range steps {
		wg.Go(func() { <-start; step() })
	}
	close(start)
	wg.Wait()
}
