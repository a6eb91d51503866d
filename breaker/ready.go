package breaker

import (
	"time"

	"github.com/muxkit/muxkit/muxpool"
)

// Ready reports whether a call may go there now: what Check says, without an error
// being made. It takes no lock, does not allocate, and reads the clock only if
// something is out. It takes no place, so the next call may still be refused.
func (g *Guard) Ready() bool {
	c, _ := g.refusing()
	return c == nil && g.scope.group.flaw.Load() == nil
}

// Back returns when the node was closed last, having been out; the zero time if it is out,
// or never was. What Changes tells, it tells of this as well. It takes no lock and does not
// allocate.
func (g *Guard) Back() time.Time { return g.method.Load().member.circuit.gate.Load().back }

// Trying returns since when a call that goes there would be one that tries out whether the
// node, or the method, is well again: best one that may be repeated elsewhere. The zero time:
// it would be none. What Changes tells, it tells of this as well. It takes no lock and does
// not allocate.
func (g *Guard) Trying() (since time.Time) {
	m := g.method.Load()
	since = m.member.circuit.trying()
	if m.circuit != nil {
		if t := m.circuit.trying(); t.After(since) {
			since = t
		}
	}
	return since
}

// Classified reports whether a Classifier judges the calls that begin now, and so sees their
// contexts. It takes no lock and does not allocate.
func (g *Guard) Classified() bool {
	return g.method.Load().member.circuit.gate.Load().set.classify != nil
}

func (c *circuit) trying() (since time.Time) {
	switch g := c.gate.Load(); {
	case g.observed: // nobody is refused: who goes there changes nothing
	case g.state == HalfOpen && g.trial.free.Load() > 0:
		return g.trial.began
	case c.due(g):
		return g.until
	}
	return time.Time{}
}

// Check returns nil if a call may go there now, otherwise the *OpenError that it
// would get: see Ready.
func (g *Guard) Check() error {
	if err := g.scope.group.Err(); err != nil {
		return err
	}
	if c, gt := g.refusing(); c != nil {
		return c.openError(gt)
	}
	return nil
}

// refusing returns the circuit that refuses calls, and its gate; nil if none does.
func (g *Guard) refusing() (*circuit, *gate) {
	m := g.method.Load() // of a node that was forgotten it refuses nobody: the next call begins anew
	if gt := m.member.circuit.refusing(g.target.OneWay); gt != nil {
		return m.member.circuit, gt
	}
	if m.circuit != nil {
		if gt := m.circuit.refusing(g.target.OneWay); gt != nil {
			return m.circuit, gt
		}
	}
	return nil, nil
}

// refusing returns the gate if it refuses a call now, else nil.
func (c *circuit) refusing(oneWay bool) *gate {
	g := c.gate.Load()
	switch {
	case g.state == Closed, g.observed, c.panics(g):
		return nil
	case oneWay:
	case g.state == HalfOpen && g.trial.free.Load() > 0, c.due(g):
		return nil
	}
	return g
}

func (c *circuit) openError(g *gate) *OpenError {
	e := &OpenError{Node: c.node().id, Scope: c.scope().name, Method: c.method, Reason: g.reason, Cause: g.cause}
	if !g.until.IsZero() {
		e.RetryAfter = max(0, time.Until(g.until))
	}
	return e
}

// Check reports whether a call through Middleware(node) may go there now: nil if
// the node's circuit is closed, or takes a probe; otherwise the *OpenError that the
// call would get. It takes no place, so the next call may still be refused. It
// takes no lock, and does not allocate for a closed circuit. A node that the group
// does not know is closed.
func (g *Group) Check(id muxpool.Node) error {
	if err := g.Err(); err != nil {
		return err
	}
	n := g.find(id)
	if n == nil {
		return nil
	}
	m := n.plain.Load()
	if m == nil {
		m = g.Scope("").member(id, muxpool.Identity{})
	}
	if gt := m.circuit.refusing(false); gt != nil {
		return m.circuit.openError(gt)
	}
	return nil
}
