package prommux

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-kit/kit/endpoint"
	"github.com/go-kit/kit/sd"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/muxkit/muxkit/breaker"
	muxendpoint "github.com/muxkit/muxkit/endpoint"
	waits "github.com/muxkit/muxkit/internal/bounded"
)

func factory(e endpoint.Endpoint) sd.Factory {
	return func(string) (endpoint.Endpoint, io.Closer, error) { return e, nil, nil }
}

// Figures cost a call nothing; measurements do not allocate.
func TestCallAllocations(t *testing.T) {
	allocs := func(options ...muxendpoint.Option) float64 {
		set := newSet(t, muxendpoint.FixedInstances{{Address: "10.0.0.1:1"}}, append(options, muxendpoint.WithRetry(3, 0))...)
		registry(t, Set(set))
		call := set.EndpointFrom("M", factory(echo))
		ctx, request := context.Background(), any("x")
		return waits.Allocs(200, func() {
			if _, err := call(ctx, request); err != nil {
				t.Fatal(err)
			}
		})
	}
	if bare, with := allocs(), allocs(NewCalls().Client("things")); with > bare {
		t.Errorf("%v allocations a call, %v without measurements", with, bare)
	}
}

// Options that make no sense are told when a collector is registered, and name themselves.
func TestBadOptions(t *testing.T) {
	pool := newPool(t)
	set := newSet(t, muxendpoint.FixedInstances{{Address: "10.0.0.1:1"}}, muxendpoint.WithService("a"))
	for want, c := range map[string]prometheus.Collector{
		"WithBuckets([1 1])": NewCalls(WithBuckets(1, 1)),
		"WithBuckets([-1])":  NewCalls(WithBuckets(-1)),
		"duplicate label":    Pool(pool, WithLabels(prometheus.Labels{"node": "x"})),
		"label name":         Pool(pool, WithLabels(prometheus.Labels{"\xff": "x"})),
		"le is a label":      NewCalls(WithLabels(prometheus.Labels{"le": "x"})),
	} {
		if err := prometheus.NewRegistry().Register(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
		if calls, ok := c.(*Calls); ok {
			s := newSet(t, muxendpoint.FixedInstances{{Address: "10.0.0.1:1"}}, calls.Client("x"))
			if _, err := s.EndpointFrom("M", factory(echo))(testContext(t), "x"); err != nil {
				t.Error(err)
			}
			calls.Server()
		}
	}
	r := registry(t, Pool(pool), Set(set))
	if r.Register(Pool(pool)) == nil || r.Register(Set(set)) == nil {
		t.Error("twice the same series")
	}
	bulk := prometheus.Labels{"pool": "bulk"}
	registry(t, Pool(pool, WithLabels(prometheus.Labels{"pool": "main"})), Pool(newPool(t), WithLabels(bulk)))
}

// What promhttp serves of it is complete, also while nodes come and go.
func TestOverHTTP(t *testing.T) {
	server := httptest.NewServer(promhttp.HandlerFor(whole(t), promhttp.HandlerOpts{Registry: nil}))
	defer server.Close()
	resp, err := http.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatal(resp.Status, err)
	}
	for _, want := range []string{"muxkit_pool_in_use_connections 0\n", "# TYPE rpc_client_call_duration_seconds histogram\n", `muxkit_set_nodes{service="things"} 1` + "\n"} {
		if !strings.Contains(string(body), want) {
			t.Errorf("%q is missing in\n%s", want, body)
		}
	}
	http.DefaultClient.CloseIdleConnections()
}

// BenchmarkScrape is a scrape of breakers and a Set with 1000 nodes.
func BenchmarkScrape(b *testing.B) {
	for _, nodes := range []int{10, 1000} {
		b.Run(fmt.Sprint(nodes), func(b *testing.B) {
			group := breaker.NewGroup()
			defer group.Close()
			var instances muxendpoint.FixedInstances
			for i := range nodes {
				instances = append(instances, muxendpoint.Instance{Address: nodeOf(i).Address})
			}
			set := newSet(b, instances, muxendpoint.WithService("things"), muxendpoint.WithBreakers(group))
			set.EndpointFrom("M", factory(echo))
			r := registry(b, Breakers(group), Set(set), Pool(newPool(b)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := r.Gather(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkCall is the chain of a call, over a node that answers at once.
func BenchmarkCall(b *testing.B) {
	for _, c := range []struct {
		name    string
		options []muxendpoint.Option
	}{{"without", nil}, {"with Calls", []muxendpoint.Option{NewCalls().Client("things")}}} {
		b.Run(c.name, func(b *testing.B) {
			call := newSet(b, muxendpoint.FixedInstances{{Address: "10.0.0.1:1"}}, append(c.options, muxendpoint.WithRetry(3, 0))...).EndpointFrom("M", factory(echo))
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
