package prommux

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"testing"

	"github.com/go-kit/kit/endpoint"

	"github.com/muxkit/muxkit/breaker"
	waits "github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
)

// Who has a label keeps it while it is there, others are together, and who is gone is let go.
func TestLabelsOfNodes(t *testing.T) {
	b := &bounded{max: 2}
	for i, step := range []struct{ there, want []string }{
		{[]string{"b", "c", "d"}, []string{"b", "c", other}},
		{[]string{"a", "b", "c", "d"}, []string{other, "b", "c", other}},
		{[]string{"a", "c", "d"}, []string{"a", "c", other}},
		{[]string{"a", "b", "d"}, []string{"a", "b", other}},
		{nil, nil},
		{[]string{"d", "d"}, []string{"d", "d"}},
	} {
		of := b.among(step.there)
		var got []string
		for _, n := range step.there {
			got = append(got, of(n))
		}
		if !slices.Equal(got, step.want) {
			t.Errorf("step %d: %v are labelled %v, want %v", i, step.there, got, step.want)
		}
	}
}

// A node that is gone has no series any more, in the pool's figures and in those of the
// breakers; what its calls have counted stays.
func TestNodesThatAreGone(t *testing.T) {
	group := breaker.NewGroup()
	defer group.Close()
	collector := Breakers(group, WithMaxNodes(2))
	r := registry(t, collector)
	scope, release := group.UseScope("things")
	defer release()
	var drop [4]func()
	for i := range drop {
		drop[i] = scope.Hold(nodeOf(i))
		call := scope.Guard(breaker.Target{Node: nodeOf(i), Method: "M"}).Middleware()(echo)
		for range 10 {
			if _, err := call(testContext(t), "x"); err != nil {
				t.Fatal(err)
			}
		}
	}
	group.Trip(nodeOf(3), errors.New("by hand"))
	has(t, gathered(t, r), map[string]float64{
		"muxkit_breaker_nodes{state=closed}":                                                            3,
		"muxkit_breaker_nodes{state=open}":                                                              1,
		"muxkit_breaker_node_state{node=tcp://10.0.0.0:1,state=closed}":                                 1,
		"muxkit_breaker_node_state{node=tcp://10.0.0.0:1,state=open}":                                   0,
		"muxkit_breaker_node_state{node=_other,state=closed}":                                           1,
		"muxkit_breaker_node_state{node=_other,state=open}":                                             1,
		"muxkit_breaker_calls_total{kind=successful}":                                                   40,
		"muxkit_breaker_ejections_total{ejected=node,enforced=true,reason=failure rate,service=things}": 0,
	})
	drop[0]()
	drop[1]()
	got := gathered(t, r)
	if names := named(got, "muxkit_breaker_node_state{node="+nodeOf(0).String()); len(names) > 0 {
		t.Errorf("a node that is gone has %v", names)
	}
	has(t, got, map[string]float64{
		"muxkit_breaker_node_state{node=tcp://10.0.0.3:1,state=open}": 1,
		"muxkit_breaker_nodes{state=closed}":                          1,
		"muxkit_breaker_calls_total{kind=successful}":                 40,
	})
	if names := named(got, "muxkit_breaker_node_state{node="+other); len(names) > 0 {
		t.Errorf("two nodes have labels, and there is %v", names)
	}
	drop[2]()
	drop[3]()
	has(t, gathered(t, r), map[string]float64{
		"muxkit_breaker_nodes{state=closed}": 0, "muxkit_breaker_nodes{state=open}": 0,
		"muxkit_breaker_calls_total{kind=successful}": 40,
	})
}

// Ejections are counted by reason, those of methods and of an observed group apart; a change
// that opens nothing is none.
func TestEjections(t *testing.T) {
	for _, observed := range []bool{false, true} {
		group := breaker.NewGroup(breaker.WithObserveOnly(observed))
		r := registry(t, Breakers(group))
		told := make(chan breaker.Change, 16)
		defer group.Subscribe(func(c breaker.Change) { told <- c })()
		scope, release := group.UseScope("a\xffb")
		defer release()
		defer scope.Hold(nodeOf(1))()
		group.Trip(nodeOf(1), errors.New("by hand"))
		waits.Receive(t, told) // the collector heard of it before
		group.Reset(nodeOf(1))
		waits.Receive(t, told)
		of := fmt.Sprintf(`muxkit_breaker_ejections_total{ejected=node,enforced=%v,reason=tripped,service="a\xffb"}`, !observed)
		has(t, gathered(t, r), map[string]float64{of: 1})
		group.Close()
	}
}

// Services beyond the bound are one, however many ejections they have.
func TestServicesAreBounded(t *testing.T) {
	b := &breakers{opened: make(map[ejection]uint64)}
	for i := range 10 * maxServices {
		b.changed(breaker.Change{Scope: fmt.Sprint("set ", i), To: breaker.Open, Reason: breaker.ReasonTripped})
	}
	names, sum := make(map[string]bool), uint64(0)
	for e, n := range b.opened {
		names[e.service] = true
		sum += n
	}
	if len(names) != maxServices+1 || sum != 10*maxServices || b.opened[ejection{service: other, reason: breaker.ReasonTripped}] != 9*maxServices {
		t.Errorf("%d services with %d ejections", len(names), sum)
	}
}

// A pool's connections by use, and nodes that it could not connect to.
func TestPoolFigures(t *testing.T) {
	up := make(chan struct{})
	release := make(chan struct{})
	_, address := serve(t, map[string]endpoint.Endpoint{"M": func(_ context.Context, r any) (any, error) {
		close(up)
		<-release
		return r, nil
	}})
	pool := newPool(t, muxpool.WithConnectNumber(1), muxpool.WithDialContext(func(ctx context.Context, network, at string) (net.Conn, error) {
		if at != address {
			return nil, errors.New("nobody there")
		}
		return (&net.Dialer{}).DialContext(ctx, network, at)
	}))
	r := registry(t, Pool(pool, WithMaxNodes(-1)))
	for i := range 3 {
		if _, err := clientOf(pool, "M")(nodeOf(i)).Endpoint()(testContext(t), []byte("x")); err == nil {
			t.Fatal("a connection to nobody")
		}
	}
	ended := make(chan error, 1)
	go func() {
		_, err := clientOf(pool, "M")(muxpool.Node{Network: "tcp", Address: address}).Endpoint()(testContext(t), []byte("x"))
		ended <- err
	}()
	waits.Receive(t, up)
	has(t, gathered(t, r), map[string]float64{
		"muxkit_pool_open_connections{}": 1, "muxkit_pool_in_use_connections{}": 1, "muxkit_pool_idle_connections{}": 0,
		"muxkit_pool_in_flight_calls{}": 1, "muxkit_pool_nodes{state=ready}": 1, "muxkit_pool_dials_total{}": 4,
		"muxkit_pool_dial_failures_total{}": 3, "muxkit_pool_node_open_connections{node=_other}": 1,
		"muxkit_pool_node_in_flight_calls{node=_other}": 1, "muxkit_pool_closed_connections_total{reason=idle}": 0,
	})
	close(release)
	if err := waits.Receive(t, ended); err != nil {
		t.Fatal(err)
	}
	got := gathered(t, r)
	has(t, got, map[string]float64{
		"muxkit_pool_in_use_connections{}": 0, "muxkit_pool_idle_connections{}": 1,
		"muxkit_pool_calls_total{outcome=answered}": 1, "muxkit_pool_calls_total{outcome=lost}": 0,
	})
	for _, name := range []string{"muxkit_pool_read_bytes_total{}", "muxkit_pool_written_bytes_total{}", "muxkit_pool_dial_duration_seconds_total{}"} {
		if got[name] == 0 {
			t.Errorf("%s is 0", name)
		}
	}
	pool.Close()
	waits.Receive(t, pool.Done())
	has(t, gathered(t, r), map[string]float64{"muxkit_pool_closed_connections_total{reason=pool closed}": 1, "muxkit_pool_open_connections{}": 0})
}
