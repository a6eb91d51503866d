package otelmux

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/go-kit/kit/endpoint"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	muxendpoint "github.com/muxkit/muxkit/endpoint"
	"github.com/muxkit/muxkit/muxpool/verdict"
)

// Client is an option of a Set, or of one of its endpoints: a span of each call, with all
// its retries, one of each attempt within, which travels to the server, and measurements.
// service is server.address, the name by which the Set's service is known; empty leaves it
// out. The place of the option among others of WithMiddleware is that of the span.
//
// Instruments that the provider refuses are told to otel's error handler, and measure
// nothing.
func Client(service string, options ...Option) muxendpoint.Option {
	cfg := newConfig(options)
	if !cfg.traced() && !cfg.measured() {
		return muxendpoint.Options()
	}
	c := newClient(service, cfg)
	return muxendpoint.Options(muxendpoint.WithMiddleware(c.calls), muxendpoint.WithNodeMiddleware(c.attempts))
}

// client is what all methods of a Set share.
type client struct {
	config
	tracer     trace.Tracer
	common     []attribute.KeyValue
	propagator propagation.TextMapPropagator

	duration metric.Float64Histogram
	attempt  metric.Float64Histogram
	started  metric.Int64Counter
	retries  metric.Int64Histogram
	hedges   metric.Int64Histogram
	delay    metric.Float64Histogram

	methods sync.Map // name to *clientMethod
}

func newClient(service string, cfg config) *client {
	m := maker{Meter: cfg.meter()}
	c := &client{config: cfg, tracer: cfg.tracer(), propagator: cfg.propagator,
		duration: m.seconds("rpc.client.call.duration", "Duration of outgoing calls, with all attempts.", buckets...),
		attempt:  m.seconds("muxkit.client.attempt.duration", "Duration of the attempts of outgoing calls.", buckets...),
		started:  m.counter("muxkit.client.attempt.started", "{attempt}", "Attempts that were begun."),
		retries:  m.numbers("muxkit.client.call.retries", "{retry}", "Retries of a call that had some.", 1, 2, 3, 4, 5, 10),
		hedges:   m.numbers("muxkit.client.call.hedges", "{hedge}", "Attempts that ran beside another of a call that had some.", 1, 2, 3, 4, 5, 10),
		delay:    m.seconds("muxkit.client.call.retry_delay", "Time between the attempts of a call that was retried.", buckets...),
	}
	if err := m.err(); err != nil {
		otel.Handle(err)
	}
	c.common = append(c.common, keySystem.String(c.system))
	if service != "" {
		c.common = append(c.common, keyServerAddress.String(service))
	}
	c.common = append(c.common, c.attributes...)
	return c
}

// clientMethod is one method of a Set.
type clientMethod struct {
	*client
	name       string
	attributes []attribute.KeyValue
	set        metric.MeasurementOption
	kinds      [len(retryKinds)]metric.MeasurementOption
	calls      *durations
	attempts   *durations
	start      []trace.SpanStartOption
}

// method returns what is known of a method beforehand: once for all of its nodes.
func (c *client) method(name string) *clientMethod {
	if m, ok := c.methods.Load(name); ok {
		return m.(*clientMethod)
	}
	attributes := append([]attribute.KeyValue{keyMethod.String(name)}, c.common...)
	attributes = slices.Clip(attributes)
	m := &clientMethod{client: c, name: name, attributes: attributes,
		set:      metric.WithAttributeSet(attribute.NewSet(slices.Clone(attributes)...)),
		calls:    newDurations(c.duration, ofClient, attributes),
		attempts: newDurations(c.attempt, ofClient, attributes),
		start:    []trace.SpanStartOption{trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(attributes...)},
	}
	for i, kind := range retryKinds {
		m.kinds[i] = metric.WithAttributeSet(attribute.NewSet(append(attributes, keyRetry.String(kind))...))
	}
	known, _ := c.methods.LoadOrStore(name, m)
	return known.(*clientMethod)
}

// calls makes the middleware around the logical calls of a method.
func (c *client) calls(method string) endpoint.Middleware {
	if !c.filter(method) {
		return func(next endpoint.Endpoint) endpoint.Endpoint { return next }
	}
	m := c.method(method)
	return func(next endpoint.Endpoint) endpoint.Endpoint {
		return func(ctx context.Context, request any) (any, error) { return m.call(ctx, request, next) }
	}
}

// errPanicked is what is told of a call whose endpoint has panicked. The panic goes on.
var errPanicked = errors.New("panic")

// call makes one logical call.
func (m *clientMethod) call(ctx context.Context, request any, next endpoint.Endpoint) (response any, err error) {
	begin := time.Now()
	ctx, span := m.tracer.Start(ctx, m.name, m.start...)
	t := &tally{}
	code, why := verdict.CodeInternal, errPanicked // remain if next panics
	defer func() {
		m.calls.record(ctx, begin, code)
		m.tell(ctx, span, t)
		if why != nil && span.IsRecording() {
			m.explain(span, why)
		}
		ofClient.mark(span, code, textOf(why))
		span.End()
	}()
	response, err = next(context.WithValue(ctx, tallyKey{}, t), request)
	code, why = verdict.Call(ctx, response, err).Code, err
	return response, err
}

// explain says why a call was not tried again.
func (m *clientMethod) explain(span trace.Span, err error) {
	var gaveUp *muxendpoint.RetryError
	if errors.As(err, &gaveUp) {
		span.SetAttributes(keyGaveUp.String(gaveUp.GaveUp.String()))
	}
}

// tell says what attempts a call had.
func (m *clientMethod) tell(ctx context.Context, span trace.Span, t *tally) {
	k := t.end()
	if span.IsRecording() {
		span.SetAttributes(keyAttempts.Int(k.attempts))
	}
	for i, n := range k.retries {
		if n > 0 {
			m.retries.Record(ctx, n, m.kinds[i])
		}
	}
	if k.hedges > 0 {
		m.hedges.Record(ctx, k.hedges, m.set)
	}
	if k.retries != [len(retryKinds)]int64{} {
		m.delay.Record(ctx, k.delay.Seconds(), m.set)
	}
}

// textOf is the text of an error, which may be of others' code.
func textOf(err error) (s string) {
	if err == nil {
		return ""
	}
	defer func() {
		if recover() != nil {
			s = "an error whose text cannot be had"
		}
	}()
	return err.Error()
}
