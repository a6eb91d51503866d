package otelmux

import (
	"reflect"
	"slices"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	metricnoop "go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	tracenoop "go.opentelemetry.io/otel/trace/noop"
)

// Option sets one property of what it is given to; each names whom it is for, and others
// ignore it. Nil, or a nil value, means the default.
type Option func(*config)

type config struct {
	tracers    trace.TracerProvider
	meters     metric.MeterProvider
	propagator propagation.TextMapPropagator
	filter     func(method string) bool
	attributes []attribute.KeyValue
	system     string
	public     bool
}

// WithTracerProvider sets who makes spans, for Client and Server. Default: the global
// provider (otel.SetTracerProvider), none if it was not set.
func WithTracerProvider(p trace.TracerProvider) Option {
	return func(c *config) {
		if p != nil {
			c.tracers = p
		}
	}
}

// WithMeterProvider sets who makes instruments. Default: the global provider
// (otel.SetMeterProvider), none if it was not set.
func WithMeterProvider(p metric.MeterProvider) Option {
	return func(c *config) {
		if p != nil {
			c.meters = p
		}
	}
}

// WithPropagators sets what of a context travels with a call, for Client and Server.
// Default: W3C's Trace Context, and not otel's global one, which is none unless it is set.
// Baggage is what a caller says, up to 8 KiB of it with each call, so it has to be asked
// for.
func WithPropagators(p propagation.TextMapPropagator) Option {
	return func(c *config) {
		if p != nil {
			c.propagator = p
		}
	}
}

// WithFilter leaves out the calls of methods for which keep returns false, for Client,
// which asks when an endpoint is made, and Server, which asks at each call: they get neither
// spans nor measurements. Default: none is left out.
func WithFilter(keep func(method string) bool) Option {
	return func(c *config) {
		if keep != nil {
			c.filter = keep
		}
	}
}

// WithAttributes adds attributes to all spans and measurements. Their number of values
// multiplies that of the series.
func WithAttributes(attributes ...attribute.KeyValue) Option {
	return func(c *config) { c.attributes = append(slices.Clip(c.attributes), attributes...) }
}

// WithSystem sets rpc.system.name, for Client and Server: "jsonrpc" for JSON-RPC, as the
// conventions have it. Default "muxkit".
func WithSystem(name string) Option {
	return func(c *config) {
		if name != "" {
			c.system = name
		}
	}
}

// WithPublicEndpoint is for a Server whose clients are strangers: the span of a call
// begins a trace of its own, with a link to that of the client, who has no say in whether
// it is sampled.
func WithPublicEndpoint() Option {
	return func(c *config) { c.public = true }
}

func newConfig(options []Option) config {
	c := config{
		tracers:    otel.GetTracerProvider(),
		meters:     otel.GetMeterProvider(),
		propagator: propagation.TraceContext{},
		filter:     func(string) bool { return true },
		system:     "muxkit",
	}
	for _, option := range options {
		if option != nil {
			option(&c)
		}
	}
	return c
}

// traced reports whether anybody takes spans.
func (c *config) traced() bool {
	_, none := c.tracers.(tracenoop.TracerProvider)
	return !none && !placeholder(c.tracers)
}

// measured reports whether anybody takes measurements.
func (c *config) measured() bool {
	_, none := c.meters.(metricnoop.MeterProvider)
	return !none && !placeholder(c.meters)
}

// placeholder reports whether p is what otel gives out while no global provider is set.
// It has no public name.
func placeholder(p any) bool {
	t := reflect.TypeOf(p)
	return t.Kind() == reflect.Pointer && t.Elem().PkgPath() == "go.opentelemetry.io/otel/internal/global"
}

// scopeName is by whom spans and measurements are.
const scopeName = "github.com/muxkit/muxkit/endpoint/otelmux"

// schemaURL is of which conventions.
const schemaURL = "https://opentelemetry.io/schemas/1.45.0"

// tracer returns who makes spans, one that makes none if nobody takes them.
func (c *config) tracer() trace.Tracer {
	if !c.traced() {
		return tracenoop.NewTracerProvider().Tracer(scopeName)
	}
	return c.tracers.Tracer(scopeName, trace.WithSchemaURL(schemaURL))
}

// meter is tracer for instruments.
func (c *config) meter() metric.Meter {
	if !c.measured() {
		return metricnoop.NewMeterProvider().Meter(scopeName)
	}
	return c.meters.Meter(scopeName, metric.WithSchemaURL(schemaURL))
}
