package otelmux

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/go-kit/kit/endpoint"
	"go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	muxendpoint "github.com/muxkit/muxkit/endpoint"
)

// BenchmarkCall is the chain of a call, over a node that answers at once: without this
// package, with it and no providers, and with providers that record all and export nothing.
func BenchmarkCall(b *testing.B) {
	with := []Option{WithTracerProvider(sdktrace.NewTracerProvider()), WithMeterProvider(metric.NewMeterProvider(metric.WithReader(metric.NewManualReader())))}
	for _, c := range []struct {
		name    string
		options []muxendpoint.Option
	}{
		{"without", nil},
		{"no providers", []muxendpoint.Option{Client("s")}},
		{"with providers", []muxendpoint.Option{Client("s", with...)}},
	} {
		b.Run(c.name, func(b *testing.B) {
			set := newSet(b, append(c.options, muxendpoint.WithRetry(3, 0)), "10.0.0.1:1")
			call := set.EndpointFrom("M", factory(func(string) endpoint.Endpoint {
				return func(_ context.Context, r any) (any, error) { return r, nil }
			}))
			ctx, request := context.Background(), any("x")
			b.ReportAllocs()
			for b.Loop() {
				if _, err := call(ctx, request); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkNoProviders is what the option costs without providers: the median ratio of the times
// of a chain with it and of one without, which take turns, a thousand calls each.
func BenchmarkNoProviders(b *testing.B) {
	chain := func(options ...muxendpoint.Option) endpoint.Endpoint {
		return newSet(b, append(options, muxendpoint.WithRetry(3, 0)), "10.0.0.1:1").EndpointFrom("M", factory(func(string) endpoint.Endpoint {
			return func(_ context.Context, r any) (any, error) { return r, nil }
		}))
	}
	without, with := chain(), chain(Client("s"))
	ctx, request := context.Background(), any("x")
	round := func(call endpoint.Endpoint) time.Duration {
		begin := time.Now()
		for range 1000 {
			if _, err := call(ctx, request); err != nil {
				b.Fatal(err)
			}
		}
		return time.Since(begin)
	}
	var ratios []float64
	for i := 0; b.Loop(); i++ {
		var took [2]time.Duration
		for j := range took { // who goes first has what the other one left behind
			if k := (i + j) % 2; k == 0 {
				took[0] = round(without)
			} else {
				took[1] = round(with)
			}
		}
		ratios = append(ratios, float64(took[1])/float64(took[0]))
	}
	slices.Sort(ratios)
	b.ReportMetric(ratios[len(ratios)/2], "with/without")
}
