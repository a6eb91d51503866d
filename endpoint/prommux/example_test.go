package prommux_test

import (
	"fmt"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/muxkit/muxkit/breaker"
	muxendpoint "github.com/muxkit/muxkit/endpoint"
	"github.com/muxkit/muxkit/endpoint/prommux"
	"github.com/muxkit/muxkit/muxpool"
	muxtransport "github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// All of a program that serves and calls, on a page for Prometheus.
func Example() {
	pool, err := muxpool.New()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer pool.Close()
	breakers := breaker.NewGroup()
	defer breakers.Close()
	calls := prommux.NewCalls()
	set := muxendpoint.NewSet(muxendpoint.FixedInstances{{Address: "10.0.0.1:7000"}, {Address: "10.0.0.2:7000"}}, nil,
		muxendpoint.WithService("stock"), muxendpoint.WithBreakers(breakers), calls.Client("stock"))
	defer set.Close()
	service := muxtransport.NewService(native.Protocol{}, calls.Server())

	registry := prometheus.NewRegistry()
	registry.MustRegister(prommux.Pool(pool), prommux.Breakers(breakers), prommux.Set(set), prommux.Service(service), calls)
	http.Handle("/metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))

	families, err := registry.Gather()
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, f := range families {
		if f.GetName() == "muxkit_set_nodes" {
			fmt.Println(f.GetMetric()[0].GetGauge().GetValue(), "nodes")
		}
	}
	// Output: 2 nodes
}
