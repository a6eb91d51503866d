package endpoint

import (
	"cmp"
	"slices"
	"time"

	"github.com/muxkit/muxkit/muxpool"
)

// SetStats is what a Set does now: what an operator's page or metrics read.
type SetStats struct {
	Service    string         // WithService, or the name that the Set has given itself
	Nodes      []NodeStatus   // see Nodes
	Named      int            // how many nodes discovery names, or named last: as many as Nodes, unless WithSubset holds some of them
	Zone       string         // WithZone
	Methods    []MethodStatus // in order of their names
	Drains     []Drain        // what Drain has ordered, in order of the nodes
	Waiting    int            // calls that wait for a node, of all methods; at most MaxWaiting
	MaxWaiting int
	Budget     BudgetStats // of methods that have none of their own
}

// MethodStatus is what a Set knows of a method.
type MethodStatus struct {
	Method string  // as given to Endpoint; one may have been given twice
	Minute *Minute // the calls that have ended in the last minute, with all attempts; nil unless that is measured: see Measure
	InZone float64 // the part of its calls, from 0 to 1, that goes to nodes of the own zone: see WithZone; 1 without
}

// Stats returns what the Set does now; the figures may be of slightly different moments. It
// takes no lock that a call takes, and is safe for concurrent use.
func (s *Set) Stats() SetStats {
	s.mu.Lock()
	retry, methods, drains, named := s.retry, s.methods, s.allDrains(), len(s.order) // methods do not change in place
	if s.cfg.subset.size > 0 {
		named = len(s.subset.ordered)
	}
	s.mu.Unlock()
	st := SetStats{Nodes: s.Nodes(), Named: named, Zone: s.cfg.zone, Drains: drains, Waiting: int(s.waiting.Load()), MaxWaiting: retry.maxWaiting, Budget: retry.budget.Stats()}
	for _, m := range methods {
		st.Methods = append(st.Methods, MethodStatus{m.name, m.minute.last(&s.timing), m.inZone()})
	}
	slices.SortStableFunc(st.Methods, func(a, b MethodStatus) int { return cmp.Compare(a.Method, b.Method) })
	if s.cfg.service != nil {
		st.Service = *s.cfg.service
	}
	return st
}

// NodeWeight is a node's weight now, as a part of a full one, and its factors: each from
// above 0 to 1.
type NodeWeight struct {
	Share     float64 // the product of the others, and never less than 1/65536
	Load      float64 // after refusals for overload, or attempts that hedges overtook
	SlowStart float64 // since it came back, or joined others; seen with the first call
	Discovery float64 // what discovery gives it, where the node to which it gives most has 1
}

// factors tells the weight.
func (w *weight) factors() NodeWeight {
	now, of := time.Since(w.epoch), func(share int64) float64 { return float64(share) / full }
	f := NodeWeight{Share: of(w.share()), Load: of(w.unloaded(w.load.Load(), now)), SlowStart: 1, Discovery: of(w.givenShare())}
	if rising := w.rising.Load(); rising != nil {
		f.SlowStart = of(w.risen(rising, now))
	}
	return f
}

// NodeStatus is what a Set knows of a node.
type NodeStatus struct {
	Node     muxpool.Node
	StandIn  bool     // it is held for one of the subset that takes no calls: see WithSubset
	Instance Instance // what discovery told of it last, with the first of its spellings
	InFlight int      // calls that have not returned, of all methods
	Open     error    // why its breaker takes no call of any method; nil if it does, or there is none
	Weight   NodeWeight
	Drain    *Drain  // it gets no new calls by an operator's order; nil: there is none
	Minute   *Minute // the attempts that have ended in the last minute; nil unless that is measured: see Measure
}

// Nodes returns the nodes that the Set has, in order of their text: those that
// discovery names, or named last (see WithKeepNodes), with WithSubset those of them that are held. Those
// that drain are not among them.
func (s *Set) Nodes() []NodeStatus {
	s.mu.Lock()
	nodes, methods := s.order, s.methods // neither changes in place
	status := make([]NodeStatus, len(nodes))
	for i, n := range nodes {
		status[i].Instance = n.told
	}
	s.mu.Unlock()
	for i, n := range nodes {
		status[i].StandIn = n.standIn.Load()
		status[i].Node, status[i].InFlight, status[i].Open = n.node, n.calls.inside(), s.whyOpen(n, methods)
		status[i].Drain = n.drain.Load()
		status[i].Weight, status[i].Minute = n.weight.factors(), n.minute.last(&s.timing)
	}
	return status
}
