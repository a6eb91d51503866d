package main

import (
	"fmt"
	"time"

	"github.com/muxkit/muxkit/breaker"
	muxendpoint "github.com/muxkit/muxkit/endpoint"
)

// outcome is what a round came to.
type outcome struct {
	scene    scene
	guard    guard
	inTurn   bool          // the nodes were taken in turn
	tallies  []tally       // of the scene's callers
	repeated int           // puts that nodes got twice
	late     time.Duration // the longest that a call was made after it was due

	struck, healed time.Time        // between which the trouble lasted
	back           time.Duration    // how long after it each node had answered what was hurt; 0: nothing was
	waited         time.Duration    // the longest that a call took of the time after it
	victim         string           // the address of the unlucky node
	sent           int              // attempts sent to it meanwhile
	opened         []breaker.Change // how breakers opened, from first to last

	goodput   float64 // good answers a second meanwhile
	capacity  float64 // as many as the nodes can give; 0: it was not measured
	possible  float64 // the capacity, or as many as were asked for
	leastUsed float64 // the share of the node that gave the fewest, but for the method that was hurt
}

// sumUp sums up a round of which play has noted when was what. The callers made rate
// calls a second for each 100 percent.
func (o *outcome) sumUp(r *round, results []result, rate float64) {
	o.scene, o.guard, o.victim = r.scene, r.guard, r.cluster.addresses[unlucky]
	o.inTurn = muxendpoint.Policy(r.balance) == muxendpoint.RoundRobin
	o.tallies = tallyUp(o.scene.callers, results)
	o.sent = r.traffic.at(o.victim, "", onset, later).sent
	o.opened = r.traffic.opened(func(breaker.Change) bool { return true })
	if last := r.back(); o.scene.heal != nil && last.After(o.healed) {
		o.back = last.Sub(o.healed)
	}
	var ends []time.Time // of the good answers
	for _, res := range results {
		o.late = max(o.late, res.late)
		o.waited = max(o.waited, min(res.took, res.ended.Sub(o.healed)))
		if res.err == nil && !o.scene.callers[res.caller].other {
			ends = append(ends, res.ended)
		}
	}
	o.goodput = throughput(ends, o.scene.nodes.takes, o.struck, o.healed)
	if o.possible = o.capacity; o.possible == 0 {
		for _, who := range o.scene.callers {
			if !who.other {
				o.possible += rate * float64(who.percent) / 100
			}
		}
	}
	o.leastUsed = leastShare(r)
}

// leastShare is the share that one node has at least in the good answers of the methods
// that are well.
func leastShare(r *round) float64 {
	all, least := 0, 0
	for i, node := range r.cluster.addresses {
		n := 0
		for _, who := range r.scene.callers {
			if !who.other && who.method != r.scene.hurts {
				n += r.traffic.at(node, who.method, onset, later).answered
			}
		}
		all += n
		if i == 0 || n < least {
			least = n
		}
	}
	return float64(least) / float64(max(1, all))
}

func (o outcome) guarded() string {
	if o.promised() {
		return "with"
	}
	return "without"
}

// openings counts how often breakers opened: those of nodes as a whole, and those of
// single methods.
func (o outcome) openings() (node, method int) {
	for _, c := range o.opened {
		if c.Method == "" {
			node++
		} else {
			method++
		}
	}
	return node, method
}

// firstOpening says how the first breaker opened while the trouble lasted, that of the
// sick node if one is.
func (o outcome) firstOpening() string {
	for _, c := range o.opened {
		if c.Time.After(o.struck) && (!o.scene.ejects || c.Node.Address == o.victim) {
			return fmt.Sprintf("%d, %s", c.Time.Sub(o.struck).Milliseconds(), c.Reason)
		}
	}
	if o.guard == unguarded {
		return ""
	}
	return "did not open"
}
