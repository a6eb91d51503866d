package endpoint

// SetStats is what a Set does now: what an operator's page or metrics read.
type SetStats struct {
	Service    string       // WithService, or the name that the Set has given itself
	Nodes      []NodeStatus // see Nodes
	Waiting    int          // calls that wait for a node, of all methods; at most MaxWaiting
	MaxWaiting int
	Budget     BudgetStats // of methods that have none of their own
}

// Stats returns what the Set does now; the figures may be of slightly different moments. It
// takes no lock that a call takes, and is safe for concurrent use.
func (s *Set) Stats() SetStats {
	s.mu.Lock()
	retry := s.retry
	s.mu.Unlock()
	st := SetStats{Nodes: s.Nodes(), Waiting: int(s.waiting.Load()), MaxWaiting: retry.maxWaiting, Budget: retry.budget.Stats()}
	if s.cfg.service != nil {
		st.Service = *s.cfg.service
	}
	return st
}
