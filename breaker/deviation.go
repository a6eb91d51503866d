package breaker

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"
)

// DeviationError is the Cause of an ejection for Deviation.
type DeviationError struct {
	Rate      float64 // the node's share of successes
	Mean      float64 // of the nodes compared
	Deviation float64 // standard deviation of their rates
	Nodes     int     // how many were compared
}

func (e *DeviationError) Error() string {
	return fmt.Sprintf("breaker: success rate %.3f among %d nodes with mean %.3f and standard deviation %.3f",
		e.Rate, e.Nodes, e.Mean, e.Deviation)
}

// sweep is Deviation's timer. The group's mu guards it: a service has one.
type sweep struct {
	timer    *time.Timer
	interval time.Duration // that the timer runs with, 0 without one
}

// startSweep makes the timer fit the settings. The group's mu is held.
func (s *Scope) startSweep() {
	var interval time.Duration
	if d := s.base.deviation(); d != nil && !s.group.closed && !s.forgotten {
		interval = d.window
	}
	if interval == s.sweep.interval {
		return
	}
	if s.sweep.timer != nil {
		s.sweep.timer.Stop()
	}
	s.sweep = sweep{interval: interval}
	if interval > 0 {
		s.sweep.timer = time.AfterFunc(interval, s.runSweep)
	}
}

// runSweep is the timer's function.
func (s *Scope) runSweep() {
	s.group.mu.Lock()
	d := s.base.deviation()
	s.sweep.interval = 0
	s.startSweep()
	all := map[*roll][]candidate{}
	if d != nil {
		for st := range s.seats {
			st.candidates(d.volume, all)
		}
	}
	s.group.mu.Unlock()
	for _, comparable := range all {
		d.compare(comparable)
	}
}

// candidate is a circuit with enough calls in the interval that just ended.
type candidate struct {
	circuit *circuit
	gen     uint64
	rate    float64
}

// candidates adds the seat's to those that they are to be compared with.
func (s *seat) candidates(volume int, all map[*roll][]candidate) {
	s.node.mu.Lock()
	defer s.node.mu.Unlock()
	for _, m := range s.members {
		m.circuits(func(c *circuit) {
			g := c.gate.Load()
			if g.judge == nil || g.set.deviation() == nil {
				return
			}
			if r := g.judge.takePeriod(); r.calls >= volume {
				all[c.roll] = append(all[c.roll], candidate{c, g.gen, float64(r.successes) / float64(r.calls)})
			}
		})
	}
}

// compare ejects those whose success rate lies too far below the others'.
func (d *Detector) compare(all []candidate) {
	if len(all) < d.nodes {
		return
	}
	mean, dev := spread(all)
	slices.SortFunc(all, func(a, b candidate) int { return cmp.Compare(a.rate, b.rate) })
	for _, c := range all {
		if c.rate >= mean-d.factor*dev {
			return
		}
		c.circuit.trip(c.gen, ReasonDeviation, &DeviationError{Rate: c.rate, Mean: mean, Deviation: dev, Nodes: len(all)})
	}
}

func spread(all []candidate) (mean, deviation float64) {
	for _, c := range all {
		mean += c.rate / float64(len(all))
	}
	var variance float64
	for _, c := range all {
		variance += (c.rate - mean) * (c.rate - mean) / float64(len(all))
	}
	return mean, math.Sqrt(variance)
}
