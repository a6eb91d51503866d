package otelmux

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.uber.org/goleak"

	muxendpoint "github.com/muxkit/muxkit/endpoint"
	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
	muxtransport "github.com/muxkit/muxkit/transport"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(bounded.Tests(m)) }

const waitTime = 20 * time.Second

func testContext(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), waitTime)
	t.Cleanup(cancel)
	return ctx
}

// process is the telemetry of one process: providers of its own.
type process struct {
	name    string
	spans   *tracetest.SpanRecorder
	tracers *sdktrace.TracerProvider
	reader  *metric.ManualReader
	meters  *metric.MeterProvider
}

func newProcess(t testing.TB, name string) *process {
	p := &process{name: name, spans: tracetest.NewSpanRecorder(), reader: metric.NewManualReader()}
	p.tracers = sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(p.spans))
	p.meters = metric.NewMeterProvider(metric.WithReader(p.reader))
	t.Cleanup(func() {
		if err := errors.Join(p.tracers.Shutdown(context.Background()), p.meters.Shutdown(context.Background())); err != nil {
			t.Error(err)
		}
	})
	return p
}

// with are the options that give somebody the process's providers.
func (p *process) with(more ...Option) []Option {
	return append([]Option{WithTracerProvider(p.tracers), WithMeterProvider(p.meters)}, more...)
}

// serve starts a Service on the loopback; it ends with stop, or the test.
func serve(t testing.TB, protocol muxtransport.ServerProtocol, methods map[string]*muxtransport.Server,
	options ...muxtransport.ServiceOption) (address string, stop func()) {
	t.Helper()
	s := muxtransport.NewService(protocol, options...)
	for method, server := range methods {
		s.Handle(method, server)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(l) }()
	stop = sync.OnceFunc(func() {
		ctx, cancel := context.WithTimeout(context.Background(), waitTime)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		if err := <-ended; !errors.Is(err, muxtransport.ErrServiceClosed) {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return l.Addr().String(), stop
}

func newPool(t testing.TB) *muxpool.Multiplexed {
	pool, err := muxpool.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		pool.Close()
		bounded.Receive(t, pool.Done())
	})
	return pool
}

func newSet(t testing.TB, options []muxendpoint.Option, addresses ...string) *muxendpoint.Set {
	var instances muxendpoint.FixedInstances
	for _, a := range addresses {
		instances = append(instances, muxendpoint.Instance{Address: a})
	}
	set := muxendpoint.NewSet(instances, nil, options...)
	if err := set.Err(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := set.Shutdown(testContext(t)); err != nil {
			t.Error(err)
		}
	})
	return set
}

func raw(e func(context.Context, any) (any, error)) *muxtransport.Server {
	return muxtransport.NewServer(e, muxtransport.DecodeBytes, muxtransport.EncodeBytes)
}

func clientOf(pool muxpool.Pool, protocol muxtransport.Protocol, method string) func(muxtransport.Node) *muxtransport.Client {
	return func(n muxtransport.Node) *muxtransport.Client {
		return muxtransport.NewClient(pool, n, protocol, method, muxtransport.EncodeBytes, muxtransport.DecodeBytes)
	}
}

// tree draws the spans of processes, those of one parent in the order of their begin: name,
// process, kind, and what keys say.
func tree(processes []*process, keys ...attribute.Key) string {
	type node struct {
		sdktrace.ReadOnlySpan
		process string
	}
	children := make(map[string][]node)
	known := make(map[string]bool)
	var all []node
	for _, p := range processes {
		for _, s := range p.spans.Ended() {
			all = append(all, node{s, p.name})
			known[s.SpanContext().SpanID().String()] = true
		}
	}
	for _, s := range all {
		parent := s.Parent().SpanID().String()
		if !known[parent] {
			parent = "root"
		} else if s.Parent().TraceID() != s.SpanContext().TraceID() {
			parent = "another trace"
		}
		children[parent] = append(children[parent], s)
	}
	var b strings.Builder
	var draw func(of string, depth int)
	draw = func(of string, depth int) {
		below := children[of]
		sort.SliceStable(below, func(i, j int) bool { return below[i].StartTime().Before(below[j].StartTime()) })
		for _, s := range below {
			fmt.Fprintf(&b, "%s%s [%s, %s]", strings.Repeat("  ", depth), s.Name(), s.process, s.SpanKind())
			for _, key := range keys {
				for _, kv := range s.Attributes() {
					if kv.Key == key {
						fmt.Fprintf(&b, " %s=%s", key, kv.Value.Emit())
					}
				}
			}
			b.WriteString("\n")
			draw(s.SpanContext().SpanID().String(), depth+1)
		}
	}
	draw("root", 0)
	draw("another trace", 0)
	return b.String()
}

// series are what a process measured, a line for each series, sorted: name, unit,
// attributes and, for counters, the value, for histograms the count.
func series(t testing.TB, p *process) []string {
	t.Helper()
	var rm metricdata.ResourceMetrics
	if err := p.reader.Collect(context.Background(), &rm); err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, scope := range rm.ScopeMetrics {
		if scope.Scope.Name != scopeName || scope.Scope.SchemaURL != schemaURL {
			t.Errorf("measured by %+v", scope.Scope)
		}
		for _, m := range scope.Metrics {
			add := func(set attribute.Set, value any) {
				line := m.Name + " " + m.Unit
				for _, kv := range set.ToSlice() {
					line += fmt.Sprintf(" %s=%s", kv.Key, kv.Value.Emit())
				}
				lines = append(lines, fmt.Sprintf("%s: %v", line, value))
			}
			switch d := m.Data.(type) {
			case metricdata.Histogram[float64]:
				for _, p := range d.DataPoints {
					if !slices.Equal(p.Bounds, buckets) {
						t.Errorf("%s has the buckets %v", m.Name, p.Bounds)
					}
					add(p.Attributes, p.Count)
				}
			case metricdata.Histogram[int64]:
				for _, p := range d.DataPoints {
					add(p.Attributes, p.Count)
				}
			case metricdata.Sum[int64]:
				for _, p := range d.DataPoints {
					add(p.Attributes, p.Value)
				}
			case metricdata.Sum[float64]:
				for _, p := range d.DataPoints {
					add(p.Attributes, "seconds")
				}
			default:
				t.Errorf("%s is a %T", m.Name, m.Data)
			}
		}
	}
	slices.Sort(lines)
	return lines
}

// sameLines compares what was measured with what is wanted.
func sameLines(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	slices.Sort(want)
	for _, line := range got {
		if !slices.Contains(want, line) {
			t.Errorf("%s: not wanted: %s", what, line)
		}
	}
	for _, line := range want {
		if !slices.Contains(got, line) {
			t.Errorf("%s: missing:    %s", what, line)
		}
	}
}
