package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"sync"
	"time"

	"go.opentelemetry.io/otel/exporters/stdout/stdouttrace"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.37.0"
)

// spans is where a process's spans go: into its memory, which the ops port shows, and a file
// if one is named. In the place of both a service of yours has an exporter to its collector.
type spans struct {
	file    io.Closer // nil: none, or stdout
	written sdktrace.SpanExporter

	mu   sync.Mutex // guards all below
	last []spanLine // the latest keepSpans, of which next is the oldest, once there are so many
	next int
}

// keepSpans is how many spans a process remembers.
const keepSpans = 1000

// spanLine is a span as the ops port shows it.
type spanLine struct {
	Trace  string        `json:"trace_id"`
	Span   string        `json:"span_id"`
	Parent string        `json:"parent_id"`
	Name   string        `json:"name"`
	Kind   string        `json:"kind"`
	Took   time.Duration `json:"took"` // ns
	Error  string        `json:"error,omitempty"`
}

// newSpans takes spans to "memory", to "stdout" too, or to a file of another name.
func newSpans(to string) (s *spans, err error) {
	s = &spans{}
	var w io.Writer = os.Stdout
	switch to {
	case "memory":
		return s, nil
	case "stdout":
	default:
		f, err := os.OpenFile(to, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			return nil, err
		}
		s.file, w = f, f
	}
	s.written, err = stdouttrace.New(stdouttrace.WithWriter(w))
	return s, err
}

// provider makes spans of a service that go there.
func (s *spans) provider(service string) *sdktrace.TracerProvider {
	options := []sdktrace.TracerProviderOption{
		sdktrace.WithBatcher(s, sdktrace.WithBatchTimeout(200*time.Millisecond)),
		sdktrace.WithResource(resource.NewSchemaless(semconv.ServiceName(service))),
	}
	if s.written != nil {
		options = append(options, sdktrace.WithBatcher(s.written))
	}
	return sdktrace.NewTracerProvider(options...)
}

// ExportSpans implements sdktrace.SpanExporter.
func (s *spans) ExportSpans(_ context.Context, ended []sdktrace.ReadOnlySpan) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, span := range ended {
		line := spanLine{
			Trace: span.SpanContext().TraceID().String(), Span: span.SpanContext().SpanID().String(),
			Name: span.Name(), Kind: span.SpanKind().String(),
			Took: span.EndTime().Sub(span.StartTime()), Error: span.Status().Description,
		}
		if span.Parent().IsValid() {
			line.Parent = span.Parent().SpanID().String()
		}
		if len(s.last) < keepSpans {
			s.last = append(s.last, line)
			continue
		}
		s.last[s.next] = line
		s.next = (s.next + 1) % keepSpans
	}
	return nil
}

// Shutdown implements sdktrace.SpanExporter.
func (s *spans) Shutdown(context.Context) error { return nil }

// ServeHTTP shows the spans as JSON, the oldest first; of one trace if it is named.
func (s *spans) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	trace := r.URL.Query().Get("trace")
	s.mu.Lock()
	lines := make([]spanLine, 0, len(s.last))
	for i := range s.last {
		if l := s.last[(s.next+i)%len(s.last)]; trace == "" || trace == l.Trace {
			lines = append(lines, l)
		}
	}
	s.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(lines) // who asked may be gone
}

// Close closes the file.
func (s *spans) Close() error {
	if s.file == nil {
		return nil
	}
	return ignore(os.ErrClosed, s.file.Close())
}
