package otelmux

import (
	"context"
	"testing"

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
