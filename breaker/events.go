package breaker

import (
	"errors"
	"time"

	"github.com/muxkit/muxkit/muxpool"
)

// EventPolicy reports whether a failing event ejects its node. It is asked
// about ConnDown and DialFailed only: NodeExpelled and ReconnectLimit always
// eject when their Reason is a failure, and an event whose Reason is none never
// does. healthy is the number of the node's other connections that are believed
// to work, -1 if unknown: the group counts them from the events that it hears,
// so it must Watch from the beginning. Called outside of every lock, in
// the order of the events.
type EventPolicy func(ev muxpool.Event, healthy int) bool

// DefaultEventPolicy ejects when the last connection that was believed to work
// ended for a reason after which connecting anew proves nothing: garbage from the
// peer, no sign of life, or calls that time out in silence. While a sibling
// works, the pool sends the calls there.
//
// A connection that was just lost is left to the pool, which redials within
// milliseconds and reports ReconnectLimit or NodeExpelled if that fails; so is
// DialFailed. A frame over the limit speaks against one request rather than the
// node, and counts as that call's failure.
func DefaultEventPolicy(ev muxpool.Event, healthy int) bool {
	if ev.Kind != muxpool.ConnDown || healthy != 0 {
		return false
	}
	return provesNothing(ev.Reason) && ev.Reason != muxpool.ReasonFrameTooLarge
}

// WithEventPolicy sets which events eject. Default, also for nil:
// DefaultEventPolicy.
func WithEventPolicy(p EventPolicy) Option {
	return func(s *settings) { s.policy = p }
}

// provesNothing reports whether, after a failure for this reason, a connect is
// no sign of health.
func provesNothing(r muxpool.Reason) bool {
	switch r {
	case muxpool.ReasonProtocolError, muxpool.ReasonFrameTooLarge, muxpool.ReasonKeepAliveTimeout, muxpool.ReasonStalled:
		return true
	}
	return false
}

// Source is where pool events come from: a *muxpool.Multiplexed.
type Source interface {
	Subscribe(func(muxpool.Event)) (cancel func())
}

// Watch feeds the group with the events of a pool until stop is called. Several
// pools may be watched. A node is put out by an event whether the group knew it
// or not, and NodeReady ends such an ejection early.
func (g *Group) Watch(source Source) (stop func()) {
	if source == nil {
		g.spoil("Watch(nil)")
		return func() {}
	}
	return source.Subscribe(g.hear)
}

// hear takes an event. A node that is forgotten meanwhile is made anew, so that
// the event reaches whoever asks next.
func (g *Group) hear(ev muxpool.Event) {
	for {
		n := g.find(ev.Node)
		if n == nil && ev.Kind != muxpool.ConnUp && !ev.Reason.Failure() {
			return
		}
		if n == nil {
			n = g.node(ev.Node)
		}
		if n.hear(ev) {
			return
		}
	}
}

// hear reports false if the node was forgotten before the event took effect.
func (n *node) hear(ev muxpool.Event) bool {
	policy, healthy, ok := n.track(ev)
	if !ok {
		return false
	}
	switch {
	case !ev.Reason.Failure():
		return true
	case ev.Kind == muxpool.NodeExpelled, ev.Kind == muxpool.ReconnectLimit:
	case ev.Kind != muxpool.ConnDown && ev.Kind != muxpool.DialFailed:
		return true
	case !policy(ev, healthy):
		return true
	}
	return n.latch(ev)
}

// track keeps count of the connections, and takes NodeReady.
func (n *node) track(ev muxpool.Event) (policy EventPolicy, healthy int, ok bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.used.Store(true)
	n.conns.track(ev)
	n.suspect.Store(n.conns.suspect)
	if ev.Kind == muxpool.NodeReady && !n.ended {
		n.poolReady(time.Now())
	}
	return n.set.policy, n.conns.healthy(), !n.gone.Load()
}

// latch puts the node out for an event, whatever state it is in.
func (n *node) latch(ev muxpool.Event) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.gone.Load() {
		return false
	}
	if n.ended {
		return true
	}
	cause := ev.Err
	if cause == nil {
		cause = errors.New(ev.String())
	}
	n.active.silent = n.active.silent || provesNothing(ev.Reason)
	n.eject(time.Now(), byPool, reasonOf(ev), cause)
	return true
}

// poolReady ends the pool's ejection early. mu is held.
func (n *node) poolReady(now time.Time) {
	l := &n.latches[byPool]
	if n.state != Open || !l.on {
		return
	}
	l.until = now
	if w := n.latches.worst(); w.until.After(now) {
		return // another source holds it
	}
	if n.set.prober != nil {
		n.active.tried = time.Time{}
		n.hasten(now)
		return
	}
	n.turn(now, HalfOpen, ReasonPoolReady, nil)
}

// vouch takes a successful call as the proof that the connections which are up
// work.
func (n *node) vouch() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.conns.ready()
	n.suspect.Store(false)
}

// conns counts a node's connections as its events tell. After a failure at
// which connecting proves nothing, new connections are not believed in until the
// node is ready or a call succeeds.
type conns struct {
	proven, unproven int
	suspect          bool
	seen             bool // a ConnUp was heard
}

func (c *conns) track(ev muxpool.Event) {
	switch ev.Kind {
	case muxpool.ConnUp:
		c.seen = true
		if c.suspect {
			c.unproven++
		} else {
			c.proven++
		}
	case muxpool.ConnDown:
		// Which connection it was is not told: the one that was believed in.
		if c.proven > 0 {
			c.proven--
		} else if c.unproven > 0 {
			c.unproven--
		}
		c.suspect = c.suspect || provesNothing(ev.Reason)
	case muxpool.NodeExpelled:
		*c = conns{suspect: true, seen: c.seen}
	case muxpool.NodeReady:
		c.ready()
	}
}

func (c *conns) ready() {
	c.proven += c.unproven
	c.unproven, c.suspect = 0, false
}

func (c *conns) healthy() int {
	if !c.seen {
		return -1
	}
	return c.proven
}
