package breaker

import (
	"cmp"
	"slices"
	"sync/atomic"
	"time"

	"github.com/sony/gobreaker"

	"github.com/muxkit/muxkit/muxpool"
)

// Status is one node's breaker at one moment.
type Status struct {
	Node       muxpool.Node
	State      State
	Mode       Mode
	Observed   bool             // WithObserveOnly
	Reason     Reason           // why it is not closed
	Cause      error            // why, in full; may be nil
	Since      time.Time        // when it got its State
	RetryAfter time.Duration    // while Open; 0 if nobody knows
	Holds      int              // by how many it is held
	Live       bool             // it counts for WithMaxEjection
	Ejections  int              // since the group knows the node
	Level      int              // doublings that the next ejection gets, before decay
	Counts     gobreaker.Counts // gobreaker's, while Closed; without WithGobreaker it hears of one success between two failures
	Totals     Totals
}

// Totals count since the group knows the node.
type Totals struct {
	Successes, Failures, Neutral uint64 // calls by outcome, those of probes among them
	Refused                      uint64 // calls that got an OpenError
	Panicked                     uint64 // calls that passed an open breaker: WithPanicThreshold
	WouldRefuse                  uint64 // calls that passed an open breaker: WithObserveOnly
	WouldEject                   uint64 // ejections under WithObserveOnly
	Spared                       uint64 // ejections forgone because of WithMaxEjection
	Late                         uint64 // probes' results that came too late to matter
}

// tally is the running form of Totals. The plain fields are guarded by the
// node's mu.
type tally struct {
	outcomes                       [Neutral + 1]atomic.Uint64
	refused, panicked, wouldRefuse atomic.Uint64
	ejections                      int
	wouldEject, spared, late       uint64
}

// add counts a call. A Classifier's senseless answer counts as Neutral.
func (t *tally) add(o Outcome) { t.outcomes[min(o, Neutral)].Add(1) }

// Status returns the breakers of all nodes that the group knows, in the order
// of their networks and addresses.
func (g *Group) Status() []Status {
	nodes := *g.nodes.Load()
	all := make([]Status, 0, len(nodes))
	for _, n := range nodes {
		if st, ok := n.status(); ok {
			all = append(all, st)
		}
	}
	slices.SortFunc(all, func(a, b Status) int {
		return cmp.Or(cmp.Compare(a.Node.Network, b.Node.Network), cmp.Compare(a.Node.Address, b.Node.Address))
	})
	return all
}

// StatusOf returns the breaker of one node; ok is false if the group does not
// know it.
func (g *Group) StatusOf(node muxpool.Node) (st Status, ok bool) {
	n := g.find(node)
	if n == nil {
		return Status{Node: node}, false
	}
	return n.status()
}

// status reports false if the node was forgotten meanwhile.
func (n *node) status() (Status, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.gone.Load() {
		return Status{Node: n.id}, false
	}
	gt := n.gate.Load()
	st := Status{
		Node: n.id, State: gt.state, Mode: n.mode, Observed: gt.observed, Reason: gt.reason, Cause: gt.cause, Since: n.since,
		Holds: n.keep.holds, Live: n.live(), Ejections: n.tally.ejections, Level: n.pace.level, Totals: n.tally.totals(),
	}
	if gt.state == Open && !gt.until.IsZero() {
		st.RetryAfter = max(0, time.Until(gt.until))
	}
	if gt.judge != nil {
		st.Counts = gt.judge.cb.Counts()
	}
	return st, true
}

func (t *tally) totals() Totals {
	return Totals{
		Successes: t.outcomes[Success].Load(), Failures: t.outcomes[Failure].Load(), Neutral: t.outcomes[Neutral].Load(),
		Refused: t.refused.Load(), Panicked: t.panicked.Load(), WouldRefuse: t.wouldRefuse.Load(),
		WouldEject: t.wouldEject, Spared: t.spared, Late: t.late,
	}
}
