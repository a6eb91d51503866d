package breaker

import (
	"time"

	"github.com/muxkit/muxkit/muxpool"
)

// Mode says whether a node's breaker follows its machine or its operator.
type Mode uint8

const (
	// Auto: the breaker follows events and outcomes.
	Auto Mode = iota
	// ForcedOpen: no call passes until Enable or Reset.
	ForcedOpen
	// Disabled: every call passes, and is not judged, until Enable or Reset.
	Disabled
)

var modes = [...]string{"auto", "forced open", "disabled"}

func (m Mode) String() string { return name(modes[:], int(m)) }

// Trip ejects a node by hand, in every service that has it, for the time of an
// ejection like any other: it comes back by itself. The pool's NodeReady does not
// end it early. cause may be nil.
func (g *Group) Trip(id muxpool.Node, cause error) {
	g.command(id, func(n *node, now time.Time) {
		n.members(func(m *member) { m.circuit.eject(now, byHand, ReasonTripped, cause) })
	})
}

// Reset closes a node's breaker in every service that has it, and forgets what
// speaks against the node and its methods: ejections, their growth, counts, ForceOpen
// and Disable.
func (g *Group) Reset(id muxpool.Node) {
	g.command(id, func(n *node, now time.Time) {
		n.mode, n.forced, n.ordered = Auto, nil, time.Time{}
		n.links.pardon()
		n.doubt()
		n.members(func(m *member) {
			m.circuits(func(c *circuit) {
				c.pace = pace{}
				c.move(now, pardoned, ReasonReset, nil)
			})
		})
	})
}

// ForceOpen refuses every call to a node, in every service and in WithObserveOnly
// as well, until Enable or Reset. cause may be nil. What happens meanwhile is
// remembered.
func (g *Group) ForceOpen(id muxpool.Node, cause error) {
	g.order(id, ForcedOpen, cause, ReasonForcedOpen)
}

// Disable lets every call to a node pass unjudged until Enable or Reset. The
// pool's events are remembered.
func (g *Group) Disable(id muxpool.Node) { g.order(id, Disabled, nil, ReasonDisabled) }

// Enable ends ForceOpen and Disable: the breaker is where the events and its
// ejections, as far as they last, have brought it.
func (g *Group) Enable(id muxpool.Node) { g.order(id, Auto, nil, ReasonEnabled) }

func (g *Group) order(id muxpool.Node, mode Mode, forced error, why Reason) {
	g.command(id, func(n *node, now time.Time) {
		switch {
		case mode == Auto:
			n.ordered = time.Time{}
		case mode != n.mode:
			n.ordered = now
		}
		n.mode, n.forced = mode, forced
		n.members(func(m *member) {
			m.circuits(func(c *circuit) { c.publish(now, why, forced) })
		})
	})
}

// command runs do under the node's lock, on a node that is not forgotten.
func (g *Group) command(id muxpool.Node, do func(n *node, now time.Time)) {
	for {
		n := g.find(id)
		if n == nil {
			n = g.scope("").member(id, muxpool.Identity{}).seat.node
		}
		if n.command(do) {
			return
		}
	}
}

func (n *node) command(do func(n *node, now time.Time)) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.ended {
		return !n.gone.Load()
	}
	n.used.Store(true)
	do(n, time.Now())
	return true
}
