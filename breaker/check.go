package breaker

import (
	"time"

	"github.com/muxkit/muxkit/muxpool"
)

// Check reports whether a call may go to node now: nil if its breaker is closed,
// or takes a probe; otherwise the *OpenError that the call would get. It takes no
// slot, so the next call may still be refused. It takes no lock, and does not
// allocate for a closed breaker. A node that the group does not know is closed.
func (g *Group) Check(node muxpool.Node) error {
	if err := g.Err(); err != nil {
		return err
	}
	n := g.find(node)
	if n == nil {
		return nil
	}
	gt := n.gate.Load()
	if gt.state == Closed || gt.state == HalfOpen && gt.trial.free.Load() > 0 || gt.due() {
		return nil
	}
	if gt.observed || n.panics(gt) {
		return nil
	}
	return n.openError(gt)
}

// due reports whether a call makes the gate half-open.
func (gt *gate) due() bool {
	return gt.state == Open && gt.timed && !time.Now().Before(gt.until)
}

// panics reports whether calls pass because too few nodes are left.
func (n *node) panics(gt *gate) bool { return gt.outlier && n.group.census.panicking.Load() }

// refuse returns the error for a call that finds gate gt, nil if the call
// passes all the same.
func (n *node) refuse(gt *gate) error {
	switch {
	case gt.observed:
		n.tally.wouldRefuse.Add(1)
		return nil
	case n.panics(gt):
		n.tally.panicked.Add(1)
		return nil
	}
	n.tally.refused.Add(1)
	return n.openError(gt)
}

func (n *node) openError(gt *gate) *OpenError {
	e := &OpenError{Node: n.id, Reason: gt.reason, Cause: gt.cause}
	if !gt.until.IsZero() {
		e.RetryAfter = max(0, time.Until(gt.until))
	}
	return e
}
