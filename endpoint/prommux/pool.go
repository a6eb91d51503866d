package prommux

import (
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/muxkit/muxkit/muxpool"
)

// Pool collects the figures of a pool, which are muxpool.Stats. It takes WithLabels and
// WithMaxNodes.
func Pool(pool *muxpool.Multiplexed, options ...Option) prometheus.Collector {
	cfg := newConfig(options)
	c := newCollector(cfg)
	p := newPoolFamilies(c)
	nodes := &bounded{max: cfg.maxNodes}
	c.read = func(s *scrape) {
		stats := pool.Stats()
		p.connections(s, &stats)
		p.counters(s, &stats)
		p.nodes(s, &stats, nodes)
	}
	return c
}

type poolFamilies struct {
	states                                               *family
	open, inUse, idle, draining                          *family
	inFlight, waiting, queued                            *family
	waits, waitTime, dials, dialFailures, dialTime       *family
	closed, expelled, calls, read, written, strays, lost *family
	nodeConns, nodeInFlight, nodeWaiting                 *family
}

func newPoolFamilies(c *collector) *poolFamilies {
	return &poolFamilies{
		states:       c.gauge("pool_nodes", "Nodes that the pool knows, by state.", "state"),
		open:         c.gauge("pool_open_connections", "Connections that have not ended, in use and idle."),
		inUse:        c.gauge("pool_in_use_connections", "Connections with calls in flight."),
		idle:         c.gauge("pool_idle_connections", "Connections without calls in flight."),
		draining:     c.gauge("pool_draining_connections", "Of the open connections those that take no new calls and close with their last."),
		inFlight:     c.gauge("pool_in_flight_calls", "Calls in flight."),
		waiting:      c.gauge("pool_waiting_calls", "Calls that wait for a connection."),
		queued:       c.gauge("pool_queued_bytes", "Bytes of requests that the kernel has not taken."),
		waits:        c.counter("pool_wait_count_total", "Calls that had to wait for a connection."),
		waitTime:     c.counter("pool_wait_duration_seconds_total", "Time that calls waited for a connection."),
		dials:        c.counter("pool_dials_total", "Attempts to connect."),
		dialFailures: c.counter("pool_dial_failures_total", "Attempts to connect that failed."),
		dialTime:     c.counter("pool_dial_duration_seconds_total", "Time that attempts to connect took."),
		closed:       c.counter("pool_closed_connections_total", "Connections that ended, by reason.", "reason"),
		expelled:     c.counter("pool_expelled_nodes_total", "Times that a node had no connection left."),
		calls:        c.counter("pool_calls_total", "Calls that ended, by how.", "outcome"),
		read:         c.counter("pool_read_bytes_total", "Bytes read."),
		written:      c.counter("pool_written_bytes_total", "Bytes written that the kernel has taken."),
		strays:       c.counter("pool_stray_frames_total", "Frames that no call was waiting for, by kind.", "kind"),
		lost:         c.counter("pool_lost_events_total", "Events that a subscriber was too slow for."),
		nodeConns:    c.gauge("pool_node_open_connections", "Connections to a node that have not ended.", "node"),
		nodeInFlight: c.gauge("pool_node_in_flight_calls", "Calls in flight to a node.", "node"),
		nodeWaiting:  c.gauge("pool_node_waiting_calls", "Calls that wait for a connection to a node.", "node"),
	}
}

// connections tells what is there now. States in which nothing is are told as well, so that
// a figure goes back to 0 and does not end.
func (p *poolFamilies) connections(s *scrape, stats *muxpool.Stats) {
	states := make([]int, muxpool.NodeDown+1)
	var inUse, idle, draining, waiting, queued int
	for _, n := range stats.Nodes {
		if int(n.State) < len(states) {
			states[n.State]++
		}
		waiting += n.Waiting
		for _, c := range n.Conns {
			queued += c.QueuedBytes
			switch {
			case c.State == muxpool.ConnClosed:
				continue
			case c.InFlight > 0:
				inUse++
			default:
				idle++
			}
			if c.State == muxpool.ConnDraining {
				draining++
			}
		}
	}
	for state, n := range states {
		count(s, p.states, n, muxpool.NodeState(state).String())
	}
	count(s, p.open, inUse+idle)
	count(s, p.inUse, inUse)
	count(s, p.idle, idle)
	count(s, p.draining, draining)
	count(s, p.inFlight, stats.InFlight)
	count(s, p.waiting, waiting)
	count(s, p.queued, queued)
}

// counters tells what has been. Reasons that have not been are told as well, so that
// Prometheus sees the first one as an increase.
func (p *poolFamilies) counters(s *scrape, stats *muxpool.Stats) {
	count(s, p.waits, stats.Waits)
	s.add(p.waitTime, stats.WaitDuration.Seconds())
	count(s, p.dials, stats.Dials)
	count(s, p.dialFailures, stats.DialFailures)
	s.add(p.dialTime, stats.DialDuration.Seconds())
	for r, n := range stats.ConnsClosed {
		if name := muxpool.Reason(r).String(); r > 0 && !strings.HasPrefix(name, "unknown") {
			count(s, p.closed, n, name)
		}
	}
	count(s, p.expelled, stats.Expelled)
	count(s, p.read, stats.BytesRead)
	count(s, p.written, stats.BytesWritten)
	count(s, p.lost, stats.EventsLost)
	k := stats.Calls
	for outcome, n := range map[string]uint64{"answered": k.Answered, "abandoned": k.Abandoned, "canceled": k.Canceled,
		"timed out": k.TimedOut, "overflowed": k.Overflowed, "too large": k.TooLarge, "lost": k.Lost, "taken back": k.TakenBack} {
		count(s, p.calls, n, outcome)
	}
	for kind, n := range map[string]uint64{"late": stats.Late, "duplicate": stats.Duplicate, "unknown": stats.Unknown,
		"unsolicited": stats.Unsolicited, "overflowed": stats.Counters.Overflowed, "malformed": stats.Malformed} {
		count(s, p.strays, n, kind)
	}
}

// nodes tells what is there of each node, for all identities together.
func (p *poolFamilies) nodes(s *scrape, stats *muxpool.Stats, nodes *bounded) {
	names := make([]string, len(stats.Nodes))
	for i := range stats.Nodes {
		names[i] = label(stats.Nodes[i].Node.String())
	}
	of := nodes.among(slices.Sorted(slices.Values(names))) // Stats has no order
	for i := range stats.Nodes {
		n, name := &stats.Nodes[i], of(names[i])
		open := 0
		for _, c := range n.Conns {
			if c.State != muxpool.ConnClosed {
				open++
			}
		}
		count(s, p.nodeConns, open, name)
		count(s, p.nodeInFlight, n.InFlight, name)
		count(s, p.nodeWaiting, n.Waiting, name)
	}
}
