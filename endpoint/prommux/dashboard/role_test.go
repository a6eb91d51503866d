package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-kit/kit/endpoint"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/muxkit/muxkit/breaker"
	muxendpoint "github.com/muxkit/muxkit/endpoint"
	"github.com/muxkit/muxkit/endpoint/prommux"
	"github.com/muxkit/muxkit/muxpool"
	muxtransport "github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// What a process of the system is told by its environment: where it serves, and its metrics,
// and the nodes that it calls.
const (
	listenEnv = "PROMMUX_TEST_LISTEN"
	pageEnv   = "PROMMUX_TEST_PAGE"
	nodesEnv  = "PROMMUX_TEST_NODES"
)

// fault is what a process is to do wrong, and how much it calls.
type fault struct {
	Errors   float64 // share of the calls that it serves
	Delay    time.Duration
	NotReady bool
	Callers  int // calls of front at a time
}

// maxInFlight is how many calls a process serves at a time.
const maxInFlight = 32

// play is the process of a role: front calls shop, which calls stock.
func play(role string) {
	go func() { // it ends with the test
		io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	if err := run(role); err != nil {
		fmt.Fprintln(os.Stderr, role+":", err)
	}
	os.Exit(1)
}

func run(role string) error {
	var now atomic.Pointer[fault]
	now.Store(&fault{})
	registry, calls := prometheus.NewRegistry(), prommux.NewCalls()
	registry.MustRegister(calls)
	next := endpoint.Endpoint(func(_ context.Context, request any) (any, error) { return request, nil })
	if nodes := os.Getenv(nodesEnv); nodes != "" {
		name := map[string]string{"front": "shop", "shop": "stock"}[role]
		var instances muxendpoint.FixedInstances
		for _, a := range strings.Split(nodes, ",") {
			instances = append(instances, muxendpoint.Instance{Address: a})
		}
		pool, err := muxpool.New()
		if err != nil {
			return err
		}
		breakers := breaker.NewGroup(breaker.WithDetectors(breaker.FailureRate(0.9, time.Second, 20)))
		breakers.Watch(pool)
		set := muxendpoint.NewSet(instances, nil, muxendpoint.WithService(name), muxendpoint.WithBreakers(breakers), calls.Client(name),
			muxendpoint.WithRetry(3, 0), muxendpoint.WithIdempotent(muxendpoint.Always))
		next = set.Endpoint("Do", func(n muxtransport.Node) *muxtransport.Client {
			return muxtransport.NewClient(pool, n, native.Protocol{}, "Do", muxtransport.EncodeBytes, muxtransport.DecodeBytes)
		})
		registry.MustRegister(prommux.Pool(pool), prommux.Breakers(breakers), prommux.Set(set))
	}
	limit := maxInFlight
	if role == "shop" {
		limit = 1000 // the ones behind it are the first that are full
	}
	service := muxtransport.NewService(native.Protocol{}, calls.Server(), muxtransport.ServiceMaxInFlight(limit, limit))
	service.Handle("Do", muxtransport.NewServer(func(ctx context.Context, request any) (any, error) {
		f := now.Load()
		if f.Delay > 0 {
			select {
			case <-time.After(f.Delay):
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
		if rand.Float64() < f.Errors {
			return nil, &muxtransport.Error{Code: muxtransport.CodeInternal, Message: "as told"}
		}
		return next(ctx, request)
	}, muxtransport.DecodeBytes, muxtransport.EncodeBytes))
	registry.MustRegister(prommux.Service(service))

	page := http.NewServeMux()
	page.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	page.HandleFunc("POST /fault", func(w http.ResponseWriter, r *http.Request) {
		var f fault
		if err := json.NewDecoder(r.Body).Decode(&f); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		service.SetServing("", !f.NotReady)
		now.Store(&f)
	})
	if role == "front" {
		for i := range 256 {
			go load(i, next, &now)
		}
	}
	served, err := net.Listen("tcp", os.Getenv(listenEnv))
	if err != nil {
		return err
	}
	shown, err := net.Listen("tcp", os.Getenv(pageEnv))
	if err != nil {
		return err
	}
	fmt.Println("ready", served.Addr(), shown.Addr())
	go http.Serve(shown, page)
	return service.Serve(served)
}

// load is a caller: one after the other, as long as so many are wanted.
func load(i int, call endpoint.Endpoint, now *atomic.Pointer[fault]) {
	for n := 0; ; n++ {
		if i >= now.Load().Callers {
			time.Sleep(50 * time.Millisecond) // between two looks
			continue
		}
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		nonce := fmt.Sprint(i, n)
		got, err := call(ctx, []byte(nonce))
		cancel()
		if err == nil && string(got.([]byte)) != nonce {
			fmt.Fprintln(os.Stderr, errors.New("another call's answer"), nonce, got)
			os.Exit(2)
		}
		time.Sleep(20 * time.Millisecond) // the pace of the load
	}
}
