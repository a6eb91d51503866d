package breaker

import (
	"time"

	"github.com/muxkit/muxkit/muxpool"
)

// Trip ejects a node by hand, for the time of an ejection like any other: it
// comes back by itself. The pool's NodeReady does not end it early. cause may be
// nil.
func (g *Group) Trip(id muxpool.Node, cause error) {
	g.command(id, func(n *node, now time.Time) { n.eject(now, byHand, ReasonTripped, cause) })
}

// Reset closes a node's breaker and forgets what speaks against it: ejections,
// their growth, counts, ForceOpen and Disable.
func (g *Group) Reset(id muxpool.Node) {
	g.command(id, func(n *node, now time.Time) {
		n.mode, n.keep.forced, n.pace = Auto, nil, pace{}
		n.close(now, ReasonReset)
	})
}

// ForceOpen refuses every call to a node, in WithObserveOnly as well, until
// Enable or Reset. cause may be nil. What happens meanwhile is remembered.
func (g *Group) ForceOpen(id muxpool.Node, cause error) {
	g.command(id, func(n *node, now time.Time) {
		n.mode, n.keep.forced = ForcedOpen, cause
		n.publish(now, ReasonForcedOpen, cause)
	})
}

// Disable lets every call to a node pass unjudged until Enable or Reset. The
// pool's events are remembered.
func (g *Group) Disable(id muxpool.Node) {
	g.command(id, func(n *node, now time.Time) {
		n.mode, n.keep.forced = Disabled, nil
		n.publish(now, ReasonDisabled, nil)
	})
}

// Enable ends ForceOpen and Disable: the breaker is where the events and its
// ejections, as far as they last, have brought it.
func (g *Group) Enable(id muxpool.Node) {
	g.command(id, func(n *node, now time.Time) {
		n.mode, n.keep.forced = Auto, nil
		n.publish(now, ReasonEnabled, nil)
	})
}

// command runs do under the node's lock, on a node that is not forgotten.
func (g *Group) command(id muxpool.Node, do func(n *node, now time.Time)) {
	for !g.node(id).command(do) {
	}
}

func (n *node) command(do func(n *node, now time.Time)) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.gone.Load() {
		return false
	}
	if !n.ended {
		n.used.Store(true)
		do(n, time.Now())
	}
	return true
}
