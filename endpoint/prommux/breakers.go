package prommux

import (
	"strconv"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/muxkit/muxkit/breaker"
	"github.com/muxkit/muxkit/muxpool"
)

// Breakers collects the figures of a group of breakers, which are breaker.Status, and counts
// its ejections from now on, until the group is closed. A node that several services have is
// told in the worst of its states. It takes WithLabels and WithMaxNodes.
func Breakers(group *breaker.Group, options ...Option) prometheus.Collector {
	cfg := newConfig(options)
	c := newCollector(cfg)
	b := &breakers{
		states:    c.gauge("breaker_nodes", "Nodes with a breaker, by its state.", "state"),
		state:     c.gauge("breaker_node_state", "1 for the state that a node's breaker is in, else 0.", "node", "state"),
		methods:   c.gauge("breaker_open_methods", "Methods that are out on a node that is not."),
		calls:     c.counter("breaker_calls_total", "Calls that breakers have judged, by kind. Those of nodes that came and went between two scrapes are not in it.", "kind"),
		refused:   c.counter("breaker_not_permitted_calls_total", "Calls that an open breaker refused."),
		ejections: c.counter("breaker_ejections_total", "Times that a breaker opened, by service and reason.", "service", "reason", "ejected", "enforced"),
		missed:    c.counter("breaker_missed_changes_total", "Changes that could not be counted as ejections, since a listener blocked."),
		nodes:     &bounded{max: cfg.maxNodes},
		last:      make(map[muxpool.Node]breaker.Totals),
		opened:    make(map[ejection]uint64),
	}
	group.Subscribe(b.changed)
	c.read = func(s *scrape) {
		b.scrape(s, group.Status())
		count(s, b.missed, group.Missed())
	}
	return c
}

type breakers struct {
	states, state, methods, calls, refused, ejections, missed *family
	nodes                                                     *bounded

	mu     sync.Mutex // guards the rest; nothing is called under it
	last   map[muxpool.Node]breaker.Totals
	sum    breaker.Totals // of all nodes, those that are gone included
	opened map[ejection]uint64
}

// ejection is what ejections are counted by.
type ejection struct {
	service  string
	reason   breaker.Reason
	method   bool // and not the node
	observed bool
}

// maxServices bounds the services that ejections are counted for: Sets without a name are
// numbered. Those beyond are one.
const maxServices = 100

// changed counts a change.
func (b *breakers) changed(ch breaker.Change) {
	if ch.To != breaker.Open || ch.From == breaker.Open {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	service := b.service(label(ch.Scope))
	b.opened[ejection{service, ch.Reason, ch.Method != "", ch.Observed}]++
}

// service makes a service known, with each reason to open, so that Prometheus sees the
// first ejection as an increase; mu is held.
func (b *breakers) service(name string) string {
	if _, ok := b.opened[ejection{service: name, reason: firstReason}]; ok {
		return name
	}
	reasons := int(lastReason - firstReason + 1)
	if len(b.opened) >= maxServices*reasons && name != other {
		return b.service(other)
	}
	for r := firstReason; r <= lastReason; r++ {
		b.opened[ejection{service: name, reason: r}] = 0
	}
	return name
}

// The reasons for which a breaker opens.
const (
	firstReason = breaker.ReasonNodeExpelled
	lastReason  = breaker.ReasonForcedOpen
)

var states = []breaker.State{breaker.Closed, breaker.Open, breaker.HalfOpen}

// scrape tells the nodes that calls may be meant for: the group remembers others for a while.
func (b *breakers) scrape(s *scrape, known []breaker.Status) {
	all := make([]breaker.Status, 0, len(known))
	for i := range known {
		if known[i].Live {
			all = append(all, known[i])
		}
	}
	names := make([]string, len(all))
	for i := range all {
		names[i] = label(all[i].Node.String())
	}
	of := b.nodes.among(names)
	for _, state := range states {
		count(s, b.states, 0, state.String())
	}
	methods := 0
	for i := range all {
		st := &all[i]
		count(s, b.states, 1, st.State.String())
		for _, state := range states {
			is := 0
			if st.State == state {
				is = 1
			}
			count(s, b.state, is, of(names[i]), state.String())
		}
		if st.State == breaker.Closed {
			methods += len(st.Methods)
		}
	}
	count(s, b.methods, methods)

	b.mu.Lock()
	defer b.mu.Unlock()
	b.total(known)
	count(s, b.calls, b.sum.Successes, "successful")
	count(s, b.calls, b.sum.Failures, "failed")
	count(s, b.calls, b.sum.Neutral, "ignored")
	count(s, b.refused, b.sum.Refused)
	for i := range known {
		b.service(label(known[i].Scope))
	}
	for e, n := range b.opened {
		ejected := "node"
		if e.method {
			ejected = "method"
		}
		count(s, b.ejections, n, e.service, e.reason.String(), ejected, strconv.FormatBool(!e.observed))
	}
}

// total adds what nodes have counted since they were looked at last, so that the sum never
// falls when a node goes; mu is held.
func (b *breakers) total(all []breaker.Status) {
	now := make(map[muxpool.Node]breaker.Totals, len(all))
	for i := range all {
		t, was := all[i].Totals, b.last[all[i].Node]
		now[all[i].Node] = t
		b.sum.Successes += since(t.Successes, was.Successes)
		b.sum.Failures += since(t.Failures, was.Failures)
		b.sum.Neutral += since(t.Neutral, was.Neutral)
		b.sum.Refused += since(t.Refused, was.Refused)
	}
	b.last = now
}

// since is how far a count has come. One that fell has lost a service of its node's.
func since(now, was uint64) uint64 { return max(now, was) - was }
