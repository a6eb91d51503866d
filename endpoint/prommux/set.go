package prommux

import (
	"github.com/prometheus/client_golang/prometheus"

	muxendpoint "github.com/muxkit/muxkit/endpoint"
)

// Set collects the figures of a Set, which are its Stats. All series have the label service:
// give the Set a name that lasts (muxendpoint.WithService), since those that it gives itself
// are numbers. It takes WithLabels and WithMaxNodes.
func Set(set *muxendpoint.Set, options ...Option) prometheus.Collector {
	cfg := newConfig(append(options, WithLabels(prometheus.Labels{"service": label(set.Stats().Service)})))
	c := newCollector(cfg)
	var (
		nodes      = c.gauge("set_nodes", "Nodes that discovery names, or named last.")
		available  = c.gauge("set_available_nodes", "Nodes whose breaker takes calls, and that are not drained.")
		inFlight   = c.gauge("set_in_flight_calls", "Attempts that have not returned.")
		waiting    = c.gauge("set_waiting_calls", "Calls that wait for a node that takes calls.")
		maxWaiting = c.gauge("set_max_waiting_calls", "Limit of the calls that wait for a node.")
		left       = c.gauge("set_budget_left", "Retries that may follow each other now.")
		burst      = c.gauge("set_budget_max", "The most retries that may follow each other.")
		spent      = c.counter("set_budget_spent_total", "Retries and hedges that were made of the budget.")
		refused    = c.counter("set_budget_refused_total", "Retries and hedges that were not made because the budget was used up.")
		ofNode     = c.gauge("set_node_in_flight_calls", "Attempts on a node that have not returned.", "node")
	)
	labels := &bounded{max: cfg.maxNodes}
	c.read = func(s *scrape) {
		st := set.Stats()
		names := make([]string, len(st.Nodes))
		for i, n := range st.Nodes {
			names[i] = label(n.Node.String())
		}
		of := labels.among(names)
		up, calls := 0, 0
		for i, n := range st.Nodes {
			if n.Open == nil && n.Drain == nil {
				up++
			}
			calls += n.InFlight
			count(s, ofNode, n.InFlight, of(names[i]))
		}
		count(s, nodes, len(st.Nodes))
		count(s, available, up)
		count(s, inFlight, calls)
		count(s, waiting, st.Waiting)
		count(s, maxWaiting, st.MaxWaiting)
		count(s, left, st.Budget.Left)
		count(s, burst, st.Budget.Burst)
		count(s, spent, st.Budget.Spent)
		count(s, refused, st.Budget.Refused)
	}
	return c
}
