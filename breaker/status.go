package breaker

import (
	"cmp"
	"slices"
	"sync/atomic"
	"time"

	"github.com/sony/gobreaker"

	"github.com/muxkit/muxkit/muxpool"
)

// Status is one node at one moment. If several services or identities have
// it, it is that of the one in the worst state, with the calls of all.
type Status struct {
	Node       muxpool.Node
	Scope      string // whose it is
	State      State
	Mode       Mode
	Ordered    time.Time        // since when Mode is ForcedOpen or Disabled; zero while it is Auto
	Observed   bool             // WithObserveOnly
	Reason     Reason           // why it is not closed
	Cause      error            // why, in full; may be nil
	Since      time.Time        // when it got its State
	RetryAfter time.Duration    // while Open; 0 if nobody knows
	Methods    []MethodStatus   // that are not closed, in every service that has the node
	Holds      int              // by how many it is held
	Live       bool             // it counts for WithMaxEjection
	Ejections  int              // since the group knows the node
	Level      int              // doublings that the next ejection gets, before decay
	Counts     gobreaker.Counts // gobreaker's, with WithGobreaker and while Closed
	Totals     Totals
}

// MethodStatus is one method that is out on a node, at one moment.
type MethodStatus struct {
	Scope, Method string
	State         State
	Reason        Reason
	Cause         error
	Since         time.Time
	RetryAfter    time.Duration
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

// tally is the running form of a member's Totals. The plain fields are guarded by
// the node's mu.
type tally struct {
	outcomes                       [Neutral + 1]atomic.Uint64
	alive                          atomic.Uint64 // of the neutral ones, those that showed life
	refused, panicked, wouldRefuse atomic.Uint64
	ejections                      int
	wouldEject, spared, late       uint64
}

// add counts a call.
func (t *tally) add(f finding) {
	t.outcomes[f.outcome()].Add(1)
	if f == alive {
		t.alive.Add(1)
	}
}

// ejected counts an ejection of a node.
func (t *tally) ejected(c *circuit) {
	if !c.isNode() {
		return
	}
	t.ejections++
	if c.set().observe {
		t.wouldEject++
	}
}

// Status returns the breakers of all nodes that the group knows, in the order
// of their networks and addresses.
func (g *Group) Status() []Status {
	var all []Status
	for n := range g.allNodes {
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
	st := Status{Node: n.id}
	if n.gone.Load() {
		return st, false
	}
	first := true
	n.members(func(m *member) {
		if m.ghost() {
			return
		}
		if g := m.circuit.gate.Load(); first || worse(g.state, st.State) {
			st.of(m.circuit, g)
			first = false
		}
		st.Live = st.Live || m.live()
		st.Ejections += m.tally.ejections
		st.Totals.add(&m.tally)
		m.circuits(func(c *circuit) { st.method(c) })
	})
	st.Mode, st.Ordered, st.Holds = n.mode, n.ordered, n.holds()
	return st, true
}

// worse reports whether a node in state a is to be shown rather than one in b.
func worse(a, b State) bool { return a == Open && b != Open || a == HalfOpen && b == Closed }

func (st *Status) of(c *circuit, g *gate) {
	st.Scope, st.State, st.Observed, st.Reason, st.Cause, st.Since = c.scope().name, g.state, g.observed, g.reason, g.cause, c.since
	st.Level, st.RetryAfter, st.Counts = c.pace.level, g.left(), gobreaker.Counts{}
	if g.judge != nil {
		if own := g.judge.own.Load(); own != nil {
			st.Counts = own.cb.Counts()
		}
	}
}

func (st *Status) method(c *circuit) {
	if g := c.gate.Load(); !c.isNode() && g.state != Closed {
		st.Methods = append(st.Methods, MethodStatus{c.scope().name, c.method, g.state, g.reason, g.cause, c.since, g.left()})
	}
}

// left returns the time that an ejection still lasts, 0 if nobody knows.
func (g *gate) left() time.Duration {
	if g.state != Open || g.until.IsZero() {
		return 0
	}
	return max(0, time.Until(g.until))
}

func (t *Totals) add(m *tally) {
	t.Successes += m.outcomes[Success].Load()
	t.Failures += m.outcomes[Failure].Load()
	t.Neutral += m.outcomes[Neutral].Load()
	t.Refused += m.refused.Load()
	t.Panicked += m.panicked.Load()
	t.WouldRefuse += m.wouldRefuse.Load()
	t.WouldEject += m.wouldEject
	t.Spared += m.spared
	t.Late += m.late
}
