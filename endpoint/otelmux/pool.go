package otelmux

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/muxkit/muxkit/muxpool"
)

// Pool has the figures of a pool, which are muxpool.Stats, collected until stop is called:
// those of all nodes together. They are read when the provider collects and cost nothing
// between. Of several pools each needs an attribute of its own (WithAttributes). It takes
// WithMeterProvider and WithAttributes; without a provider it does nothing.
func Pool(pool *muxpool.Multiplexed, options ...Option) (stop func() error, err error) {
	c := newConfig(options)
	if !c.measured() {
		return notCollecting, nil
	}
	p := newPoolFigures(c)
	return p.collect(func(_ context.Context, o metric.Observer) error {
		p.observe(o, pool.Stats())
		return nil
	})
}

// poolFigures are the instruments of a pool; gRPC's counterparts, of its proposal A94, stand
// in docs/decisions/0028-pressure-figures.md.
type poolFigures struct {
	*figures
	nodes, conns                    metric.Int64ObservableUpDownCounter
	dials, dialFailures             metric.Int64ObservableCounter
	closed, expelled                metric.Int64ObservableCounter
	waits, calls, io                metric.Int64ObservableCounter
	waiting, inFlight               metric.Int64ObservableUpDownCounter
	dialTime, waitTime              metric.Float64ObservableCounter
	byNodeState, byConnState, byWhy []metric.ObserveOption
	byEnd                           []metric.ObserveOption
	read, written, plain            metric.ObserveOption
}

// callEnds are how calls of a pool end.
var callEnds = []struct {
	name string
	of   func(muxpool.Calls) uint64
}{
	{"answered", func(k muxpool.Calls) uint64 { return k.Answered }},
	{"abandoned", func(k muxpool.Calls) uint64 { return k.Abandoned }},
	{"canceled", func(k muxpool.Calls) uint64 { return k.Canceled }},
	{"timed out", func(k muxpool.Calls) uint64 { return k.TimedOut }},
	{"overflowed", func(k muxpool.Calls) uint64 { return k.Overflowed }},
	{"too large", func(k muxpool.Calls) uint64 { return k.TooLarge }},
	{"lost", func(k muxpool.Calls) uint64 { return k.Lost }},
	{"taken back", func(k muxpool.Calls) uint64 { return k.TakenBack }},
}

func newPoolFigures(c config) *poolFigures {
	f := newFigures(c)
	p := &poolFigures{figures: f,
		nodes:        f.now("muxkit.pool.nodes", "{node}", "Nodes that the pool knows, by state."),
		conns:        f.now("muxkit.pool.connections", "{connection}", "Connections, by state."),
		dials:        f.total("muxkit.pool.dials", "{dial}", "Attempts to connect that were begun."),
		dialFailures: f.total("muxkit.pool.dial_failures", "{dial}", "Attempts to connect that failed."),
		dialTime:     f.seconds("muxkit.pool.dial_time", "Time that attempts to connect took."),
		closed:       f.total("muxkit.pool.disconnections", "{disconnection}", "Connections that ended, by reason."),
		expelled:     f.total("muxkit.pool.expulsions", "{expulsion}", "Times that a node had no connection left."),
		waits:        f.total("muxkit.pool.waits", "{call}", "Calls that had to wait for a connection."),
		waitTime:     f.seconds("muxkit.pool.wait_time", "Time that they waited."),
		waiting:      f.now("muxkit.pool.waiting", "{call}", "Calls that wait for a connection."),
		calls:        f.total("muxkit.pool.calls", "{call}", "Calls that ended, by how."),
		inFlight:     f.now("muxkit.pool.in_flight", "{call}", "Calls in flight."),
		io:           f.total("muxkit.pool.io", "By", "Bytes read and written."),
		read:         f.with(attribute.String("network.io.direction", "receive")),
		written:      f.with(attribute.String("network.io.direction", "transmit")),
		plain:        f.with(),
	}
	for s := range muxpool.NodeDown + 1 {
		p.byNodeState = append(p.byNodeState, f.with(attribute.String("muxkit.node.state", s.String())))
	}
	for s := range muxpool.ConnClosed {
		p.byConnState = append(p.byConnState, f.with(attribute.String("muxkit.connection.state", s.String())))
	}
	for r := range len(muxpool.Closed{}) {
		p.byWhy = append(p.byWhy, f.with(attribute.String("muxkit.reason", muxpool.Reason(r).String())))
	}
	for _, e := range callEnds {
		p.byEnd = append(p.byEnd, f.with(attribute.String("muxkit.outcome", e.name)))
	}
	return p
}

// observe tells all figures. States and ends are told also where nothing is in them, so that
// rates begin at 0; reasons only when a connection has ended so.
func (p *poolFigures) observe(o metric.Observer, s muxpool.Stats) {
	nodes, conns, waiting := make([]int64, len(p.byNodeState)), make([]int64, len(p.byConnState)), 0
	for _, n := range s.Nodes {
		waiting += n.Waiting
		if int(n.State) < len(nodes) {
			nodes[n.State]++
		}
		for _, c := range n.Conns {
			if int(c.State) < len(conns) {
				conns[c.State]++
			}
		}
	}
	for state, n := range nodes {
		o.ObserveInt64(p.nodes, n, p.byNodeState[state])
	}
	for state, n := range conns {
		o.ObserveInt64(p.conns, n, p.byConnState[state])
	}
	for r, n := range s.ConnsClosed {
		if n > 0 {
			o.ObserveInt64(p.closed, int64(n), p.byWhy[r])
		}
	}
	for i, e := range callEnds {
		o.ObserveInt64(p.calls, int64(e.of(s.Calls)), p.byEnd[i])
	}
	o.ObserveInt64(p.io, int64(s.BytesRead), p.read)
	o.ObserveInt64(p.io, int64(s.BytesWritten), p.written)
	for _, c := range []struct {
		i metric.Int64Observable
		n int64
	}{
		{p.dials, int64(s.Dials)}, {p.dialFailures, int64(s.DialFailures)}, {p.expelled, int64(s.Expelled)},
		{p.waits, int64(s.Waits)}, {p.waiting, int64(waiting)}, {p.inFlight, int64(s.InFlight)},
	} {
		o.ObserveInt64(c.i, c.n, p.plain)
	}
	o.ObserveFloat64(p.dialTime, s.DialDuration.Seconds(), p.plain)
	o.ObserveFloat64(p.waitTime, s.WaitDuration.Seconds(), p.plain)
}
