package endpoint

import (
	"cmp"
	"slices"
	"time"
)

// SetStats is what a Set does now: what an operator's page or metrics read.
type SetStats struct {
	Service    string         // WithService, or the name that the Set has given itself
	Nodes      []NodeStatus   // see Nodes
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
}

// Stats returns what the Set does now; the figures may be of slightly different moments. It
// takes no lock that a call takes, and is safe for concurrent use.
func (s *Set) Stats() SetStats {
	s.mu.Lock()
	retry, methods, drains := s.retry, s.methods, s.allDrains() // methods do not change in place
	s.mu.Unlock()
	st := SetStats{Nodes: s.Nodes(), Drains: drains, Waiting: int(s.waiting.Load()), MaxWaiting: retry.maxWaiting, Budget: retry.budget.Stats()}
	for _, m := range methods {
		st.Methods = append(st.Methods, MethodStatus{m.name, m.minute.last(&s.timing)})
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
