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

// sweep is Deviation's timer. The group's mu guards it.
type sweep struct {
	timer    *time.Timer
	interval time.Duration // that the timer runs with, 0 without one
}

// startSweep makes the timer fit the settings. mu is held.
func (g *Group) startSweep() {
	var interval time.Duration
	if d := g.base.deviation(); d != nil && !g.closed {
		interval = d.window
	}
	if interval == g.sweep.interval {
		return
	}
	if g.sweep.timer != nil {
		g.sweep.timer.Stop()
	}
	g.sweep = sweep{interval: interval}
	if interval > 0 {
		g.sweep.timer = time.AfterFunc(interval, g.runSweep)
	}
}

// runSweep is the timer's function.
func (g *Group) runSweep() {
	g.mu.Lock()
	d := g.base.deviation()
	g.sweep.interval = 0
	g.startSweep()
	g.mu.Unlock()
	if d != nil {
		g.compare(*d)
	}
}

// candidate is a node with enough calls in the interval that just ended.
type candidate struct {
	node  *node
	judge *judge
	rate  float64
}

// compare ejects the nodes whose success rate lies too far below the others'.
func (g *Group) compare(d Detector) {
	all := g.candidates(d)
	if len(all) < d.nodes {
		return
	}
	mean, dev := spread(all)
	slices.SortFunc(all, func(a, b candidate) int { return cmp.Compare(a.rate, b.rate) })
	for _, c := range all {
		if c.rate >= mean-d.factor*dev {
			return
		}
		c.node.trip(c.judge, ReasonDeviation, &DeviationError{Rate: c.rate, Mean: mean, Deviation: dev, Nodes: len(all)})
	}
}

func (g *Group) candidates(d Detector) []candidate {
	var all []candidate
	for _, n := range *g.nodes.Load() {
		gt := n.gate.Load()
		if gt.judge == nil || gt.set.deviation() == nil {
			continue
		}
		if r := gt.judge.takePeriod(); r.calls >= d.volume {
			all = append(all, candidate{n, gt.judge, float64(r.successes) / float64(r.calls)})
		}
	}
	return all
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
