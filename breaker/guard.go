package breaker

import (
	"context"
	"sync/atomic"

	"github.com/go-kit/kit/endpoint"

	"github.com/muxkit/muxkit/muxpool"
)

// Target is what a Guard guards: one method of one node, for one identity.
type Target struct {
	Node     muxpool.Node
	Method   string           // "": the service has one, or they are not told apart
	Identity muxpool.Identity // whose connections the calls use; zero: anybody's
	OneWay   bool             // calls have no answer: they are not judged, and are never a probe; where all are so, the end of an ejection closes it
}

// judged is the method whose circuit the target's calls have. One without answers
// has none, as nothing can be learned about it.
func (t Target) judged() string {
	if t.OneWay {
		return ""
	}
	return t.Method
}

// Guard refuses or judges the calls to one target. It is made once and kept, and
// is safe for concurrent use.
type Guard struct {
	scope  *Scope
	target Target
	probe  atomic.Pointer[func(context.Context) error] // of ProbeWith
	method atomic.Pointer[method]                      // until the group forgets the node
}

// Guard returns the guard of a target. That a service has several methods the
// group learns from the guards that are made.
func (s *Scope) Guard(t Target) *Guard {
	g := &Guard{scope: s, target: t}
	g.resolve()
	return g
}

// ProbeWith gives the group a probe of the target's node, on connections of its identity. It
// tries, as a Prober does, what the pool has put out, and nothing else: nil says that the
// peer answered, ErrConnectOnly that it can be connected to. It is used unless WithProbe or
// WithoutProbe say otherwise. Of one identity the probe that came last counts.
func (g *Guard) ProbeWith(probe func(ctx context.Context) error) {
	if probe == nil {
		g.scope.group.reject("ProbeWith(nil)")
		return
	}
	g.probe.Store(&probe)
	g.resolve()
}

// Target returns what is guarded.
func (g *Guard) Target() Target { return g.target }

// Middleware refuses calls with an *OpenError while the node, or its method, is
// out, and judges them otherwise. A call whose context has ended before it begins
// passes unjudged, as it says nothing about the node; so does a call that panics.
func (g *Guard) Middleware() endpoint.Middleware {
	return func(next endpoint.Endpoint) endpoint.Endpoint {
		return func(ctx context.Context, request any) (any, error) {
			var c call
			c.at(g.current())
			if !c.simple() || g.target.OneWay || g.scope.group.flaw.Load() != nil {
				return g.pass(ctx, request, next)
			}
			return c.judge(ctx, request, next)
		}
	}
}

// current is the method as the group knows it now.
func (g *Guard) current() *method {
	m := g.method.Load()
	n := m.node
	if n.gone.Load() {
		m = g.resolve()
		n = m.node
	}
	if !n.used.Load() {
		n.used.Store(true)
	}
	return m
}

func (g *Guard) resolve() *method {
	m := g.scope.claim(g.target, g.probe.Load())
	g.method.Store(m)
	return m
}

// pass is the way of a call that finds something else than closed circuits.
func (g *Guard) pass(ctx context.Context, request any, next endpoint.Endpoint) (any, error) {
	if err := g.scope.group.Err(); err != nil {
		return nil, err
	}
	for {
		var c call
		c.at(g.current())
		refused, again := c.enter(g.target.OneWay)
		switch {
		case again:
		case refused != nil:
			return nil, refused
		case g.target.OneWay, c.unjudged():
			return next(ctx, request)
		case c.node.trial != nil || c.of != nil && c.of.trial != nil:
			return c.probe(ctx, request, next)
		default:
			return c.judge(ctx, request, next)
		}
	}
}

// enter asks both gates, and takes a place of each that is half-open. A gate that
// lets the call pass all the same is taken for one that does not judge.
func (c *call) enter(oneWay bool) (refused error, again bool) {
	m := c.method.member
	how := m.circuit.enter(c.node, oneWay)
	if how == refuses || how == anew {
		return m.circuit.refusal(c.node, how), how == anew
	}
	if how == ignores {
		c.node = c.node.ignored()
	}
	if c.of == nil {
		return nil, false
	}
	switch how := c.method.circuit.enter(c.of, oneWay); how {
	case ignores:
		c.of = c.of.ignored()
	case refuses, anew:
		m.circuit.leave(c.node)
		return c.method.circuit.refusal(c.of, how), how == anew
	}
	return nil, false
}

// entry is what a gate does with a call.
type entry uint8

const (
	passes  entry = iota // the call is judged, or not, as the gate says
	probes               // it has a place
	ignores              // the gate would refuse, and lets it pass all the same
	refuses
	anew // the gate is out of date
)

func (c *circuit) enter(g *gate, oneWay bool) entry {
	t := &c.member.tally
	switch {
	case g.state == Closed:
		return passes
	case g.state == HalfOpen && !oneWay && g.trial.enter():
		c.scope().changes.Add(1)
		return probes
	case c.due(g):
		c.expire(g.gen)
		return anew
	case g.observed:
		t.wouldRefuse.Add(1)
		return ignores
	case c.panics(g):
		t.panicked.Add(1)
		return ignores
	}
	return refuses
}

// leave gives the place back, if the gate has any.
func (c *circuit) leave(g *gate) {
	if g.trial != nil {
		g.trial.leave()
		c.scope().changes.Add(1)
	}
}

// ignored is the gate of a call that is neither judged nor a probe.
func (g *gate) ignored() *gate { return &gate{gen: g.gen, set: g.set, observed: g.observed} }

// due reports whether the gate's time is over, and the timer late.
func (c *circuit) due(g *gate) bool {
	return g.state == Open && g.timed && c.node().group.clock() >= g.overAt
}

// panics reports whether calls pass because too few nodes are left.
func (c *circuit) panics(g *gate) bool { return g.outlier && c.roll.panicking.Load() }

// refusal counts the call that is refused, and returns its error.
func (c *circuit) refusal(g *gate, how entry) error {
	if how == anew {
		return nil
	}
	c.member.tally.refused.Add(1)
	return c.openError(g)
}
