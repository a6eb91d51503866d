package endpoint

import (
	"context"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/go-kit/kit/endpoint"
	"github.com/go-kit/kit/sd"
	"github.com/go-kit/kit/sd/lb"

	"github.com/muxkit/muxkit/breaker"
	"github.com/muxkit/muxkit/internal/bounded"
)

func benchmark(b *testing.B, ctx context.Context, ep endpoint.Endpoint) {
	b.Helper()
	b.ReportAllocs()
	var request any = "x"
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := ep(ctx, request); err != nil {
				b.Error(err)
			}
		}
	})
}

func BenchmarkPick(b *testing.B) {
	var names []string
	for i := range 10 {
		names = append(names, fmt.Sprint("n", i))
	}
	g := breaker.NewGroup()
	defer g.Close()
	for _, p := range policies {
		b.Run(p.String(), func(b *testing.B) {
			balancer := NewBalancer((&fleet{}).nodes(names...), WithPolicy(p), WithBreakers(g))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := balancer.Pick(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkChain is what the parts cost beside the call itself.
func BenchmarkChain(b *testing.B) {
	instances := sd.FixedInstancer{"a:1", "b:1", "c:1"}
	withDeadline, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()

	b.Run("bare", func(b *testing.B) { benchmark(b, withDeadline, endpoint.Nop) })
	b.Run("gokit", func(b *testing.B) {
		fixed := sd.FixedEndpointer{endpoint.Nop, endpoint.Nop, endpoint.Nop}
		benchmark(b, withDeadline, lb.Retry(3, 2*time.Hour, lb.NewRoundRobin(fixed)))
	})
	set := func(name string, ctx context.Context, opts ...Option) {
		b.Run(name, func(b *testing.B) {
			s := NewSet(instances, nil, opts...)
			defer s.Close()
			benchmark(b, ctx, s.EndpointFrom("Sum", nop))
		})
	}
	g := breaker.NewGroup()
	defer g.Close()
	set("set", withDeadline)
	set("set+breakers", withDeadline, WithBreakers(g))
	set("set+breakers+retry", withDeadline, WithBreakers(g), WithRetry(3, 2*time.Hour))
	set("set+breakers+retry, its own deadline", context.Background(), WithBreakers(g), WithRetry(3, 2*time.Hour))
	set("set+breakers+retry, idempotent", withDeadline, WithBreakers(g), WithRetry(3, 2*time.Hour), WithIdempotent(Always))
	set("hedging", withDeadline, WithBreakers(g), WithRetry(3, 2*time.Hour), WithHedging(time.Hour), WithIdempotent(Always))
}

func nop(string) (endpoint.Endpoint, io.Closer, error) { return endpoint.Nop, nil, nil }

// The whole chain adds one allocation to a call, also with a deadline of its own.
func TestChainAllocatesOnce(t *testing.T) {
	g := breaker.NewGroup()
	defer g.Close()
	s := NewSet(sd.FixedInstancer{"a:1", "b:1"}, nil, WithBreakers(g), WithRetry(3, time.Minute))
	defer s.Close()
	ep := s.EndpointFrom("Sum", nop)
	ctx := context.Background()
	if n := bounded.Allocs(1000, func() { ep(ctx, nil) }); n > 1 {
		t.Errorf("%v allocations", n)
	}
}
