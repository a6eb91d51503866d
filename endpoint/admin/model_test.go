package admin

import (
	"errors"
	"net"
	"time"

	"github.com/muxkit/muxkit/breaker"
	muxendpoint "github.com/muxkit/muxkit/endpoint"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/debug"
	"github.com/muxkit/muxkit/muxpool/muxtest"
	"github.com/muxkit/muxkit/transport"
)

// model is a page of fixed figures: one node is well, one is out, one comes back.
func model() *page {
	now := time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	refused := errors.New("dial tcp 10.0.0.2:80: connection refused")
	a, b, c := muxpool.Node{Network: "tcp", Address: "10.0.0.1:80"}, muxpool.Node{Network: "tcp", Address: "10.0.0.2:80"}, muxpool.Node{Network: "tcp", Address: "10.0.0.3:80"}
	opts := muxpool.NewGetOptions()
	opts.WithFrameParser(muxtest.Parser{})
	who := opts.Identity()

	served := &muxendpoint.Minute{Over: 57 * time.Second, Calls: 1234, P50: 1234 * time.Microsecond, P99: 2345 * time.Millisecond, Outcomes: map[string]uint64{"ok": 1230, "failed": 3, "not sent": 1}}
	full := muxendpoint.NodeWeight{Share: 1, Load: 1, SlowStart: 1, Discovery: 1}
	s := newSet(muxendpoint.SetStats{Service: "stock", Waiting: 2, MaxWaiting: 1000, Budget: muxendpoint.BudgetStats{Left: 9, Burst: 10, Spent: 5, Refused: 1},
		Nodes: []muxendpoint.NodeStatus{
			{Node: a, Instance: muxendpoint.Instance{Weight: 100, Zone: "north"}, InFlight: 3, Weight: full, Minute: served},
			{Node: b, Weight: full, Open: &breaker.OpenError{Node: b, Reason: breaker.ReasonNodeExpelled, Cause: refused, RetryAfter: 2500 * time.Millisecond}},
			{Node: c, InFlight: 1, Weight: muxendpoint.NodeWeight{Share: 0.09375, Load: 0.5, SlowStart: 0.375, Discovery: 0.5}},
		}, Methods: []muxendpoint.MethodStatus{{Method: "Count", Minute: served}, {Method: "Sum", Minute: &muxendpoint.Minute{Over: time.Second}}}}, now)
	g := newGroup("", []breaker.Status{
		{Node: a, Scope: "stock", Live: true, Since: ago(time.Hour), Totals: breaker.Totals{Successes: 1000, Failures: 2}},
		{Node: b, Scope: "stock", Live: true, State: breaker.Open, Reason: breaker.ReasonNodeExpelled, Cause: refused, Since: ago(7500 * time.Millisecond),
			RetryAfter: 2500 * time.Millisecond, Ejections: 3, Totals: breaker.Totals{Successes: 900, Failures: 20, Neutral: 4, Refused: 7}},
		{Node: c, Scope: "stock", Live: true, Since: ago(time.Second), Reason: breaker.ReasonProbeSucceeded, Ejections: 1, Methods: []breaker.MethodStatus{
			{Scope: "stock", Method: "Count", State: breaker.HalfOpen, Reason: breaker.ReasonSlowCalls, Since: ago(90 * time.Second)}}},
		{Node: muxpool.Node{Network: "tcp", Address: "10.0.0.9:80"}, Mode: breaker.ForcedOpen, State: breaker.Open, Reason: breaker.ReasonForcedOpen, Observed: true, Ordered: ago(time.Minute)},
	}, now)
	local, remote := &net.TCPAddr{IP: net.IPv4(10, 0, 0, 7), Port: 4000}, &net.TCPAddr{IP: net.IPv4(10, 0, 0, 1), Port: 80}
	q := pool{"", debug.NewPage(muxpool.Stats{
		InFlight: 4, Counters: muxpool.Counters{Dials: 9, DialFailures: 5, Expelled: 3},
		Nodes: []muxpool.NodeStats{
			{Node: a, Identity: who, State: muxpool.NodeUp, InFlight: 4, Conns: []muxpool.ConnStats{
				{LocalAddr: local, RemoteAddr: remote, Since: ago(time.Hour), InFlight: 3, Reserved: 2, QueuedFrames: 6, QueuedBytes: 789,
					Peer: muxpool.Settings{MaxFrameSize: 65432}, Traffic: muxpool.Traffic{BytesRead: 98765, BytesWritten: 54321}},
				{LocalAddr: &net.TCPAddr{IP: net.IPv4(10, 0, 0, 7), Port: 4001}, RemoteAddr: remote, Since: ago(1500 * time.Millisecond), InFlight: 1, Bulk: true, State: muxpool.ConnDraining},
			}},
			{Node: b, Identity: who, State: muxpool.NodeDown, Counters: muxpool.Counters{DialFailures: 5, Expelled: 3}},
		},
	}, now)}
	svc := newService("shop", "serving", transport.ServiceStats{
		Limits: transport.ServiceLimits{MaxConns: 100, MaxInFlight: 200, MaxWaiting: 300, MaxBytes: 1 << 20, Workers: 8}, Conns: 1, InFlight: 2, Waiting: 3, Bytes: 4096, Working: 5,
		Methods: map[string]transport.MethodStats{"Sum": {Running: 2, OK: 70, Errors: map[transport.Code]uint64{transport.CodeInternal: 1, transport.CodeInvalidArgument: 2}}, "Count": {OK: 1}},
		Refused: transport.RefusedStats{Bytes: 1, Unknown: 4},
	})
	h := &events{max: 3}
	h.ofPool("")(muxpool.Event{Kind: muxpool.ConnUp, Node: b, Identity: who, Time: ago(10 * time.Minute)})
	for i := range 4 {
		h.ofPool("")(muxpool.Event{Kind: muxpool.DialFailed, Node: b, Identity: who, Reason: muxpool.ReasonDialFailed, Attempt: i + 1, Err: refused, Time: ago(time.Duration(11-i) * time.Second), Lost: i / 3})
	}
	h.ofPool("")(muxpool.Event{Kind: muxpool.NodeExpelled, Node: b, Identity: who, Reason: muxpool.ReasonDialFailed, Err: refused, Time: ago(7600 * time.Millisecond)})
	h.ofBreakers("")(breaker.Change{Node: b, Scope: "stock", To: breaker.Open, Reason: breaker.ReasonNodeExpelled, Cause: refused, Time: ago(7500 * time.Millisecond)})
	return &page{Time: now, Sets: []set{s}, Breakers: []group{g}, Pools: []pool{q}, Services: []service{svc}, Events: h.told()}
}
