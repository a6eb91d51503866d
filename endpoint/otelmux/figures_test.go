package otelmux

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/muxkit/muxkit/breaker"
	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/internal/peertest"
	"github.com/muxkit/muxkit/muxpool"
	muxtransport "github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// The figures of a pool, after a call that was answered and a dial that was refused.
func TestPoolFigures(t *testing.T) {
	p := newProcess(t, "client")
	address, _ := serve(t, native.Protocol{}, map[string]*muxtransport.Server{"M": raw(func(_ context.Context, r any) (any, error) { return r, nil })})
	nobody := peertest.Nobody(t)
	pool, err := muxpool.New(muxpool.WithConnectNumber(1))
	if err != nil {
		t.Fatal(err)
	}
	stop, err := Pool(pool, p.with()...)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range []string{address, nobody} {
		call := clientOf(pool, native.Protocol{}, "M")(muxtransport.Node{Network: "tcp", Address: a}).Endpoint()
		if _, err := call(testContext(t), []byte("x")); (err == nil) != (a == address) {
			t.Fatal(a, err)
		}
	}
	var lines []string
	for _, line := range series(t, p) {
		if strings.HasPrefix(line, "muxkit.pool.io ") {
			if strings.HasSuffix(line, ": 0") {
				t.Errorf("no bytes: %s", line)
			}
			line = line[:strings.LastIndex(line, ":")]
		}
		lines = append(lines, line)
	}
	if want := pool.Stats(); want.Dials != 2 || want.DialFailures != 1 {
		t.Fatalf("the pool itself says %+v", want.Counters)
	}
	sameLines(t, "pool", lines,
		"muxkit.pool.nodes {node} muxkit.node.state=idle: 0", "muxkit.pool.nodes {node} muxkit.node.state=dialing: 0",
		"muxkit.pool.nodes {node} muxkit.node.state=ready: 1", "muxkit.pool.nodes {node} muxkit.node.state=reconnecting: 0",
		"muxkit.pool.nodes {node} muxkit.node.state=expelled: 1",
		"muxkit.pool.connections {connection} muxkit.connection.state=open: 1",
		"muxkit.pool.connections {connection} muxkit.connection.state=draining: 0",
		"muxkit.pool.dials {dial}: 2", "muxkit.pool.dial_failures {dial}: 1", "muxkit.pool.dial_time s: seconds",
		"muxkit.pool.expulsions {expulsion}: 1",
		"muxkit.pool.waits {call}: 2", "muxkit.pool.wait_time s: seconds", "muxkit.pool.waiting {call}: 0",
		"muxkit.pool.calls {call} muxkit.outcome=answered: 1", "muxkit.pool.calls {call} muxkit.outcome=abandoned: 0",
		"muxkit.pool.calls {call} muxkit.outcome=canceled: 0", "muxkit.pool.calls {call} muxkit.outcome=timed out: 0",
		"muxkit.pool.calls {call} muxkit.outcome=overflowed: 0", "muxkit.pool.calls {call} muxkit.outcome=too large: 0",
		"muxkit.pool.calls {call} muxkit.outcome=lost: 0", "muxkit.pool.calls {call} muxkit.outcome=taken back: 0",
		"muxkit.pool.in_flight {call}: 0",
		"muxkit.pool.io By network.io.direction=receive", "muxkit.pool.io By network.io.direction=transmit")
	pool.Close()
	bounded.Receive(t, pool.Done())
	if lines := strings.Join(series(t, p), "\n"); !strings.Contains(lines, "muxkit.pool.disconnections {disconnection} muxkit.reason=pool closed: 1") {
		t.Errorf("the end of the connection is missing in\n%s", lines)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	if lines := series(t, p); len(lines) > 0 {
		t.Errorf("after stop: %q", lines)
	}
}

// Every figure of the pool's calls has its series: one that is new in muxpool is missed here.
func TestCallEndsAreAll(t *testing.T) {
	var sum uint64
	k := muxpool.Calls{Answered: 1, Abandoned: 10, Canceled: 100, TimedOut: 1000, Overflowed: 10000, TooLarge: 100000, Lost: 1000000, TakenBack: 10000000}
	for _, e := range callEnds {
		sum += e.of(k)
	}
	if sum != k.Ended() {
		t.Errorf("%d of %d", sum, k.Ended())
	}
}

// Ejections are counted by reason, those of methods and of an observed group apart.
func TestEjectionsAreCounted(t *testing.T) {
	for _, observed := range []bool{false, true} {
		p := newProcess(t, "client")
		changes := make(chan breaker.Change, 16)
		group := breaker.NewGroup(breaker.WithObserveOnly(observed))
		stop, err := Breakers(group, p.with()...)
		if err != nil {
			t.Fatal(err)
		}
		defer group.Subscribe(func(c breaker.Change) { changes <- c })()
		scope, release := group.UseScope("things")
		a, b := muxpool.Node{Network: "tcp", Address: "10.0.0.1:1"}, muxpool.Node{Network: "tcp", Address: "10.0.0.2:1"}
		for _, n := range []muxpool.Node{a, b} {
			defer scope.Hold(n)()
			scope.Guard(breaker.Target{Node: n, Method: "M"})
		}
		group.Trip(a, errors.New("by hand"))
		bounded.Receive(t, changes) // the listener of Breakers came before, and has returned
		enforced := map[bool]string{false: "true", true: "false"}[observed]
		sameLines(t, "breakers", series(t, p),
			"muxkit.breaker.ejections {ejection} muxkit.ejected=node muxkit.enforced="+enforced+" muxkit.reason=tripped muxkit.service=things: 1",
			"muxkit.breaker.nodes {node} muxkit.breaker.state=closed muxkit.service=things: 1",
			"muxkit.breaker.nodes {node} muxkit.breaker.state=half-open muxkit.service=things: 0",
			"muxkit.breaker.nodes {node} muxkit.breaker.state=open muxkit.service=things: 1")
		if err := stop(); err != nil {
			t.Error(err)
		}
		release()
		group.Close()
	}
}
