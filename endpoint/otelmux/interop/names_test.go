package interop

import (
	"context"
	"errors"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	exporter "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/sdk/metric"

	muxendpoint "github.com/muxkit/muxkit/endpoint"
	"github.com/muxkit/muxkit/endpoint/otelmux"
	"github.com/muxkit/muxkit/endpoint/prommux"
	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
	muxtransport "github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// What otelmux measures has, behind OpenTelemetry's exporter for Prometheus, the series that
// prommux has: one dashboard is for both.
func TestOneNameForBoth(t *testing.T) {
	ofOtel, ofProm := prometheus.NewRegistry(), prometheus.NewRegistry()
	reader, err := exporter.New(exporter.WithRegisterer(ofOtel), exporter.WithoutScopeInfo(), exporter.WithoutTargetInfo())
	if err != nil {
		t.Fatal(err)
	}
	meters := metric.NewMeterProvider(metric.WithReader(reader))
	defer meters.Shutdown(context.Background())
	calls := prommux.NewCalls()
	ofProm.MustRegister(calls)

	service := muxtransport.NewService(native.Protocol{}, otelmux.Server(otelmux.WithMeterProvider(meters)), calls.Server())
	service.Handle("M", raw(func(_ context.Context, r any) (any, error) {
		if strings.HasSuffix(string(r.([]byte)), "fail") {
			return nil, errors.New("boom")
		}
		return r, nil
	}))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- service.Serve(l) }()
	pool, err := muxpool.New()
	if err != nil {
		t.Fatal(err)
	}
	set := muxendpoint.NewSet(muxendpoint.FixedInstances{{Address: l.Addr().String()}}, nil, otelmux.Client("things", otelmux.WithMeterProvider(meters)), calls.Client("things"))
	call := set.Endpoint("M", clientOf(pool, native.Protocol{}, "M"))
	for _, body := range []string{"ok", "fail"} {
		if _, err := call(t.Context(), body); (err == nil) != (body == "ok") {
			t.Fatal(body, err)
		}
	}
	if _, err := set.Endpoint("Unknown", clientOf(pool, native.Protocol{}, "Unknown"))(t.Context(), "x"); err == nil {
		t.Fatal("an unknown method has answered")
	}
	set.Close()
	pool.Close()
	bounded.Receive(t, pool.Done())
	if err := service.Shutdown(t.Context()); err != nil { // a call is counted behind its answer
		t.Error(err)
	}
	bounded.Receive(t, ended)

	got, want := histograms(t, ofOtel), histograms(t, ofProm)
	if len(want) == 0 || !slices.Equal(got, want) {
		t.Errorf("otelmux has\n%s\nprommux has\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// histograms are the series of the histograms that both have in which calls were counted.
func histograms(t *testing.T, r *prometheus.Registry) (series []string) {
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		switch f.GetName() {
		case "rpc_client_call_duration_seconds", "rpc_server_call_duration_seconds", "muxkit_client_attempt_duration_seconds":
		default:
			continue
		}
		for _, m := range f.GetMetric() {
			if m.GetHistogram().GetSampleCount() == 0 {
				continue // prommux begins at 0
			}
			line := f.GetName()
			for _, l := range m.GetLabel() {
				if l.GetValue() != "" {
					line += " " + l.GetName() + "=" + l.GetValue()
				}
			}
			for _, b := range m.GetHistogram().GetBucket() {
				line += " " + strconv.FormatFloat(b.GetUpperBound(), 'g', -1, 64)
			}
			series = append(series, line)
		}
	}
	slices.Sort(series)
	return series
}
