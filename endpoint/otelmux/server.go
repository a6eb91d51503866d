package otelmux

import (
	"context"
	"sync"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/muxkit/muxkit/internal/text"
	"github.com/muxkit/muxkit/muxpool/verdict"
	muxtransport "github.com/muxkit/muxkit/transport"
)

// Server is an option of a Service: a span of each call, which belongs to the client's
// attempt where the protocol carries that, and a measurement. They begin when the call's
// frame was read, so that what it waited is in them; calls that were refused, and those of
// methods that the Service does not have, which are all of the method _OTHER, have theirs.
func Server(options ...Option) muxtransport.ServiceOption {
	cfg := newConfig(options)
	if !cfg.traced() && !cfg.measured() {
		return muxtransport.ServiceObserve()
	}
	return muxtransport.ServiceObserve(newServer(cfg).observe)
}

type server struct {
	config
	tracer   trace.Tracer
	duration metric.Float64Histogram
	unknown  *serverMethod
	methods  sync.Map // name to *serverMethod, of methods that the Service has
}

// serverMethod is what is known of a method beforehand.
type serverMethod struct {
	name       string
	attributes []attribute.KeyValue
	durations  *durations
}

func newServer(cfg config) *server {
	m := maker{Meter: cfg.meter()}
	s := &server{config: cfg, tracer: cfg.tracer(),
		duration: m.seconds("rpc.server.call.duration", "Duration of incoming calls.", buckets...)}
	if err := m.err(); err != nil {
		otel.Handle(err)
	}
	s.unknown = s.newMethod(other)
	return s
}

func (s *server) newMethod(name string) *serverMethod {
	attributes := append([]attribute.KeyValue{keySystem.String(s.system), keyMethod.String(name)}, s.attributes...)
	return &serverMethod{name: name, attributes: attributes, durations: newDurations(s.duration, ofServer, attributes)}
}

// method finds what is known of the method of a call.
func (s *server) method(call muxtransport.ObservedCall) *serverMethod {
	if !call.Known {
		return s.unknown
	}
	if m, ok := s.methods.Load(call.Method); ok {
		return m.(*serverMethod)
	}
	m, _ := s.methods.LoadOrStore(call.Method, s.newMethod(call.Method))
	return m.(*serverMethod)
}

// observe implements muxtransport.ServiceObserver.
func (s *server) observe(ctx context.Context, call muxtransport.ObservedCall) (context.Context, func(*muxtransport.Message)) {
	if !s.filter(call.Method) {
		return ctx, nil
	}
	m := s.method(call)
	attributes := m.attributes
	if m == s.unknown && call.Method != "" {
		attributes = append(attributes[:len(attributes):len(attributes)], keyMethodOriginal.String(text.Shown(call.Method, maxText)))
	}
	options := []trace.SpanStartOption{trace.WithSpanKind(trace.SpanKindServer),
		trace.WithTimestamp(call.Arrived), trace.WithAttributes(attributes...)}
	ctx = s.propagator.Extract(ctx, propagation.MapCarrier(call.Metadata))
	if s.public {
		options = append(options, trace.WithNewRoot())
		if sc := trace.SpanContextFromContext(ctx); sc.IsValid() && sc.IsRemote() {
			options = append(options, trace.WithLinks(trace.Link{SpanContext: sc}))
		}
	}
	ctx, span := s.tracer.Start(ctx, m.name, options...)
	return ctx, func(answer *muxtransport.Message) {
		code, why := codeOf(answer)
		m.durations.record(ctx, call.Arrived, code)
		ofServer.mark(span, code, why)
		span.End()
	}
}

// codeOf says how a call ended, by its answer, nil if none could be made.
func codeOf(answer *muxtransport.Message) (code verdict.Code, why string) {
	switch {
	case answer == nil:
		return verdict.CodeInternal, "the call ended without an answer"
	case answer.Err == nil:
		return 0, ""
	}
	return answer.Err.Code.Travels(), answer.Err.Message
}
