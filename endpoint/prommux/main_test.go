package prommux

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-kit/kit/endpoint"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"go.uber.org/goleak"

	muxendpoint "github.com/muxkit/muxkit/endpoint"
	waits "github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/internal/peertest"
	"github.com/muxkit/muxkit/muxpool"
	muxtransport "github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(waits.Tests(m)) }

func testContext(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func registry(t testing.TB, collectors ...prometheus.Collector) *prometheus.Registry {
	r := prometheus.NewPedanticRegistry()
	for _, c := range collectors {
		if err := r.Register(c); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// gathered are the series that a registry has now, as name{labels} value; of histograms the number
// of calls.
func gathered(t testing.TB, r prometheus.Gatherer) map[string]float64 {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]float64)
	for _, f := range families {
		for _, m := range f.GetMetric() {
			var labels []string
			for _, l := range m.GetLabel() {
				if l.GetValue() != "" {
					labels = append(labels, l.GetName()+"="+l.GetValue())
				}
			}
			v := m.GetGauge().GetValue() + m.GetCounter().GetValue()
			if f.GetType() == dto.MetricType_HISTOGRAM {
				v = float64(m.GetHistogram().GetSampleCount())
			}
			all[f.GetName()+"{"+strings.Join(labels, ",")+"}"] = v
		}
	}
	return all
}

// has checks some of the series.
func has(t testing.TB, got map[string]float64, want map[string]float64) {
	t.Helper()
	for name, v := range want {
		if n, ok := got[name]; !ok || n != v {
			t.Errorf("%s is %v, %v, want %v", name, n, ok, v)
		}
	}
}

// named are the series whose text begins so.
func named(got map[string]float64, prefix string) (names []string) {
	for name := range got {
		if strings.HasPrefix(name, prefix) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func nodeOf(i int) muxpool.Node {
	return muxpool.Node{Network: "tcp", Address: fmt.Sprintf("10.0.%d.%d:1", i/256, i%256)}
}

func newPool(t testing.TB, options ...muxpool.PoolOption) *muxpool.Multiplexed {
	pool, err := muxpool.New(options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		pool.Close()
		waits.Receive(t, pool.Done())
	})
	return pool
}

func newSet(t testing.TB, instances muxendpoint.FixedInstances, options ...muxendpoint.Option) *muxendpoint.Set {
	set := muxendpoint.NewSet(instances, nil, options...)
	if err := set.Err(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(set.Close)
	return set
}

// serve starts a Service on the loopback until the test ends.
func serve(t testing.TB, methods map[string]endpoint.Endpoint, options ...muxtransport.ServiceOption) (*muxtransport.Service, string) {
	s := muxtransport.NewService(native.Protocol{}, options...)
	for method, e := range methods {
		s.Handle(method, muxtransport.NewServer(e, muxtransport.DecodeBytes, muxtransport.EncodeBytes))
	}
	return s, peertest.Serve(t, s, "127.0.0.1:0", muxtransport.ErrServiceClosed)
}

func echo(_ context.Context, r any) (any, error) { return r, nil }

func clientOf(pool muxpool.Pool, method string) func(muxtransport.Node) *muxtransport.Client {
	return func(n muxtransport.Node) *muxtransport.Client {
		return muxtransport.NewClient(pool, n, native.Protocol{}, method, muxtransport.EncodeBytes, muxtransport.DecodeBytes)
	}
}
