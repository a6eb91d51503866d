package otelmux

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/go-kit/kit/endpoint"

	muxendpoint "github.com/muxkit/muxkit/endpoint"
)

// The line of a call that failed has the ids of its span.
func TestLinesLeadToTraces(t *testing.T) {
	p := newProcess(t, "p")
	var out bytes.Buffer
	l := slog.New(LogHandler(slog.NewTextHandler(&out, nil))).With("app", "x")
	set := newSet(t, []muxendpoint.Option{Client("s", p.with()...), muxendpoint.WithLogging(l, 0)}, "10.0.0.1:1")
	call := set.EndpointFrom("M", factory(func(string) endpoint.Endpoint {
		return func(context.Context, any) (any, error) { return nil, errors.New("boom") }
	}))
	if _, err := call(testContext(t), "x"); err == nil {
		t.Fatal("no error")
	}
	for _, s := range p.spans.Ended() {
		if s.Name() != "M" {
			continue
		}
		want := " trace_id=" + s.SpanContext().TraceID().String() + " span_id=" + s.SpanContext().SpanID().String()
		if !strings.Contains(out.String(), want) || !strings.Contains(out.String(), "app=x") || strings.Count(out.String(), "\n") != 1 {
			t.Errorf("%s is missing in %s", want, out.String())
		}
	}
	out.Reset()
	l.Info("without a span")
	if strings.Contains(out.String(), "trace_id") || out.Len() == 0 {
		t.Error(out.String())
	}
}
