package breaker_test

import (
	"context"
	"testing"
	"time"

	"github.com/go-kit/kit/endpoint"
	"github.com/sony/gobreaker"

	"github.com/muxkit/muxkit/breaker"
)

// BenchmarkMiddleware is the cost of a closed breaker on the call path. Beside
// it, to compare: nothing, and gobreaker alone,
// used as go-kit's own part uses it.
func BenchmarkMiddleware(b *testing.B) {
	g := breaker.NewGroup()
	defer g.Close()
	full := breaker.NewGroup(breaker.WithDetectors(breaker.ConsecutiveFailures(0), breaker.FailureRate(0, 0, 0),
		breaker.SlowCalls(0, 0, 0, 0), breaker.Deviation(0, 0, 0, 0)))
	defer full.Close()
	own := breaker.NewGroup(breaker.WithGobreaker(gobreaker.Settings{}))
	defer own.Close()
	shop := g.Scope("shop")
	sum := shop.Guard(breaker.Target{Node: nodeA, Method: "Sum"})
	shop.Guard(breaker.Target{Node: nodeA, Method: "Concat"})
	cb := gobreaker.NewCircuitBreaker(gobreaker.Settings{})
	around := func(ctx context.Context, request any) (any, error) {
		return cb.Execute(func() (any, error) { return endpoint.Nop(ctx, request) })
	}
	for _, c := range []struct {
		name string
		ep   endpoint.Endpoint
	}{
		{"none", endpoint.Nop},
		{"group", g.Middleware(nodeA)(endpoint.Nop)},
		{"group, one of two methods", sum.Middleware()(endpoint.Nop)},
		{"group, all detectors", full.Middleware(nodeA)(endpoint.Nop)},
		{"group, own gobreaker settings", own.Middleware(nodeA)(endpoint.Nop)},
		{"gobreaker around the call", around},
	} {
		b.Run(c.name, func(b *testing.B) {
			ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
			defer cancel()
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.ep(ctx, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkParallel shows what nodes share on the call path: nothing. Each
// goroutine calls a node of its own, or all call one.
func BenchmarkParallel(b *testing.B) {
	for _, c := range []struct {
		name string
		one  bool
	}{{"a node each", false}, {"one node", true}} {
		b.Run(c.name, func(b *testing.B) {
			g := breaker.NewGroup()
			defer g.Close()
			nodes := make(chan endpoint.Endpoint, 1024)
			for i := range cap(nodes) {
				if c.one {
					i = 0
				}
				nodes <- g.Middleware(nodeN(i))(endpoint.Nop)
			}
			b.ReportAllocs()
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				ep := <-nodes
				for pb.Next() {
					ep(context.Background(), nil)
				}
			})
		})
	}
}

func BenchmarkCheck(b *testing.B) {
	g := breaker.NewGroup()
	defer g.Close()
	g.Middleware(nodeA)
	b.ReportAllocs()
	for b.Loop() {
		if g.Check(nodeA) != nil {
			b.Fatal("closed")
		}
	}
}

// BenchmarkReady is what a balancer asks of a candidate.
func BenchmarkReady(b *testing.B) {
	g := breaker.NewGroup(breaker.WithEjectionTime(time.Hour, time.Hour))
	defer g.Close()
	guard := g.Scope("shop").Guard(breaker.Target{Node: nodeA, Method: "Sum"})
	for _, name := range []string{"closed", "open"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if guard.Ready() != (name == "closed") {
					b.Fatal(name)
				}
			}
		})
		g.Trip(nodeA, nil)
	}
}
