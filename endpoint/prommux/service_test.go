package prommux

import (
	"context"
	"errors"
	"reflect"
	"runtime"
	"testing"

	"github.com/go-kit/kit/endpoint"

	muxendpoint "github.com/muxkit/muxkit/endpoint"
	waits "github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
	muxtransport "github.com/muxkit/muxkit/transport"
)

// Each way to end a call, on both sides, with methods that are unknown and texts that are no labels.
func TestCallsByMethodAndCode(t *testing.T) {
	calls := NewCalls()
	service, address := serve(t, map[string]endpoint.Endpoint{"M": func(_ context.Context, r any) (any, error) {
		switch string(r.([]byte)) {
		case "business":
			return nil, muxtransport.Business(7, "no")
		case "not found":
			return nil, &muxtransport.Error{Code: muxtransport.CodeNotFound}
		case "panic":
			panic("boom")
		}
		return r, nil
	}, "b\x1b\xff": echo}, calls.Server(), muxtransport.ServiceMaxInFlight(7, 77))
	set := newSet(t, muxendpoint.FixedInstances{{Address: address}}, calls.Client("things"))
	r := registry(t, Service(service), calls)
	pool := newPool(t, muxpool.WithConnectNumber(1))
	for _, c := range [][2]string{{"M", "ok"}, {"M", "ok"}, {"M", "business"}, {"M", "not found"}, {"M", "panic"}, {"b\x1b\xff", "ok"}, {"X1", "unknown"}, {"X2", "unknown"}} {
		_, err := set.Endpoint(c[0], clientOf(pool, c[0]))(testContext(t), []byte(c[1]))
		if (err == nil) != (c[1] == "ok") {
			t.Fatal(c, err)
		}
	}
	got := gathered(t, r)
	const turnedAway = "rpc_server_call_duration_seconds{error_type=UNIMPLEMENTED,rpc_method=_OTHER,rpc_status_code=UNIMPLEMENTED,rpc_system_name=muxkit}"
	waits.Wait(t, func() { // a call ends, and is counted, after its answer, also one that is not run
		for ; got["muxkit_service_running_calls{method=M}"]+got[`muxkit_service_running_calls{method="b\x1b\xff"}`] != 0 || got[turnedAway] < 2; got = gathered(t, r) {
			runtime.Gosched()
		}
	})
	has(t, got, map[string]float64{
		"muxkit_service_serving{}": 1, "muxkit_service_max_in_flight_calls{}": 77, "muxkit_service_open_connections{}": 1,
		"muxkit_service_calls_total{code=OK,method=M}":                                             2,
		"muxkit_service_calls_total{code=BUSINESS,method=M}":                                       1,
		"muxkit_service_calls_total{code=NOT_FOUND,method=M}":                                      1,
		"muxkit_service_calls_total{code=INTERNAL,error_type=INTERNAL,method=M}":                   1,
		`muxkit_service_calls_total{code=OK,method="b\x1b\xff"}`:                                   1,
		"muxkit_service_calls_total{code=UNIMPLEMENTED,error_type=UNIMPLEMENTED,method=_OTHER}":    2,
		"muxkit_service_refused_total{reason=unknown method}":                                      2,
		"muxkit_service_running_calls{method=M}":                                                   0,
		"rpc_server_call_duration_seconds{rpc_method=M,rpc_status_code=OK,rpc_system_name=muxkit}": 2,
		turnedAway: 2,
		"rpc_client_call_duration_seconds{rpc_method=M,rpc_status_code=OK,rpc_system_name=muxkit,server_address=things}":                                 2,
		"rpc_client_call_duration_seconds{rpc_method=M,rpc_status_code=BUSINESS,rpc_system_name=muxkit,server_address=things}":                           1,
		"rpc_client_call_duration_seconds{error_type=NOT_FOUND,rpc_method=M,rpc_status_code=NOT_FOUND,rpc_system_name=muxkit,server_address=things}":     1,
		"muxkit_client_attempt_duration_seconds{error_type=INTERNAL,rpc_method=M,rpc_status_code=INTERNAL,rpc_system_name=muxkit,server_address=things}": 1,
		`rpc_client_call_duration_seconds{rpc_method="b\x1b\xff",rpc_status_code=OK,rpc_system_name=muxkit,server_address=things}`:                       1,
	})
	service.SetServing("", false)
	has(t, gathered(t, r), map[string]float64{"muxkit_service_serving{}": 0})
}

// Each reason to refuse is told, apart from the others: one that is new in the transport is
// missed here.
func TestRefusalsAreAll(t *testing.T) {
	var r muxtransport.RefusedStats
	v := reflect.ValueOf(&r).Elem()
	for i := range v.NumField() {
		v.Field(i).SetUint(uint64(i + 1))
	}
	seen := make(map[uint64]bool)
	for _, n := range refusals(&r) {
		seen[n] = true
	}
	if len(seen) != v.NumField() || seen[0] {
		t.Errorf("%d of %d are told", len(seen), v.NumField())
	}
}

// Every end of a pool's calls and every stray frame has a series.
func TestPoolCountsAreAll(t *testing.T) {
	k := muxpool.Calls{Answered: 1, Abandoned: 10, Canceled: 100, TimedOut: 1000, Overflowed: 10000, TooLarge: 100000, Lost: 1000000, TakenBack: 10000000}
	c := newCollector(newConfig(nil))
	p := newPoolFamilies(c)
	stats := muxpool.Stats{}
	stats.Calls = k
	c.read = func(s *scrape) { p.counters(s, &stats) }
	sum := 0.0
	got := gathered(t, registry(t, c))
	for _, name := range named(got, "muxkit_pool_calls_total") {
		sum += got[name]
	}
	if uint64(sum) != k.Ended() {
		t.Errorf("%v of %v", sum, k.Ended())
	}
}

// A panic is measured, and passes.
func TestPanicsAreMeasured(t *testing.T) {
	calls := NewCalls(WithSystem("jsonrpc"))
	r := registry(t, calls)
	func() {
		defer func() {
			if recover() != "boom" {
				t.Error("the panic did not pass")
			}
		}()
		set := newSet(t, muxendpoint.FixedInstances{{Address: "10.0.0.1:1"}}, calls.Client(""))
		_, _ = set.EndpointFrom("M", factory(func(context.Context, any) (any, error) { panic("boom") }))(t.Context(), "x")
	}()
	has(t, gathered(t, r), map[string]float64{
		"rpc_client_call_duration_seconds{error_type=INTERNAL,rpc_method=M,rpc_status_code=INTERNAL,rpc_system_name=jsonrpc}":       1,
		"muxkit_client_attempt_duration_seconds{error_type=INTERNAL,rpc_method=M,rpc_status_code=INTERNAL,rpc_system_name=jsonrpc}": 1,
	})
}

// What a Set does, and what its budget has come to.
func TestSetFigures(t *testing.T) {
	set := newSet(t, muxendpoint.FixedInstances{{Address: "10.0.0.1:1"}, {Address: "10.0.0.2:1"}, {Address: "10.0.0.3:1"}}, muxendpoint.WithService("things"),
		muxendpoint.WithIdempotent(muxendpoint.Always), muxendpoint.WithRetry(3, 0), muxendpoint.WithBudget(muxendpoint.NewBudget(0.001, 1)))
	r := registry(t, Set(set, WithMaxNodes(1)))
	call := set.EndpointFrom("M", factory(func(_ context.Context, r any) (any, error) {
		if r == "count" {
			has(t, gathered(t, registry(t, Set(set))), map[string]float64{"muxkit_set_in_flight_calls{service=things}": 1})
			return r, nil
		}
		return nil, errors.New("boom")
	}))
	if _, err := call(testContext(t), "x"); err == nil {
		t.Fatal("no error")
	}
	if _, err := call(testContext(t), "count"); err != nil {
		t.Fatal(err)
	}
	has(t, gathered(t, r), map[string]float64{
		"muxkit_set_nodes{service=things}": 3, "muxkit_set_available_nodes{service=things}": 3, "muxkit_set_in_flight_calls{service=things}": 0,
		"muxkit_set_budget_spent_total{service=things}": 1, "muxkit_set_budget_refused_total{service=things}": 1,
		"muxkit_set_budget_left{service=things}": 0, "muxkit_set_budget_max{service=things}": 1,
		"muxkit_set_waiting_calls{service=things}": 0, "muxkit_set_max_waiting_calls{service=things}": 1024,
		"muxkit_set_node_in_flight_calls{node=tcp://10.0.0.1:1,service=things}": 0, "muxkit_set_node_in_flight_calls{node=_other,service=things}": 0,
	})
}
