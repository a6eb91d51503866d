package breaker

import (
	"errors"
	"sync"
	"time"

	"github.com/muxkit/muxkit/muxpool"
)

// EventPolicy reports whether a failing event ejects its node. It is asked
// about ConnDown and DialFailed only: NodeExpelled and ReconnectLimit always
// eject when their Reason is a failure (but see Target's Identity), and an event whose Reason is none never
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
// or not, and NodeReady ends such an ejection early. If events are lost on the way, a
// source that has Stats, as a pool does, is asked how things stand. While a pool is watched, calls
// that found no connection of it, or lost it, are not judged: the pool's events say more.
// They are when nothing on their node was answered for a second, and for a tenth of one if
// no pool that is watched has ever told of the node: it may be another pool's.
func (g *Group) Watch(source Source) (stop func()) {
	if source == nil {
		g.reject("Watch(nil)")
		return func() {}
	}
	g.watched.Add(1)
	cancel := source.Subscribe((&listener{group: g, source: source}).hear)
	return sync.OnceFunc(func() {
		cancel()
		g.watched.Add(-1)
	})
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
			n = g.scope("").member(ev.Node, muxpool.Identity{}).seat.node
		}
		if n.hear(ev) {
			return
		}
	}
}

// asked is a member whose policy is to be asked about an event.
type asked struct {
	member  *member
	policy  EventPolicy
	healthy int
}

// hear reports false if the node was forgotten before the event took effect.
func (n *node) hear(ev muxpool.Event) bool {
	ask, ok := n.note(ev)
	return n.ask(ask, ev) && ok
}

// ask asks each policy, all of them also if one ends the goroutine.
func (n *node) ask(all []asked, ev muxpool.Event) (ok bool) {
	if len(all) == 0 {
		return true
	}
	ejects := DefaultEventPolicy(ev, all[0].healthy)
	defer func() {
		ok = !ejects || n.latch(all[0].member, ev)
		ok = n.ask(all[1:], ev) && ok
	}()
	ejects = all[0].ejects(ev)
	return ok
}

// note counts the connections, does what needs no policy, and returns whom else to
// ask.
func (n *node) note(ev muxpool.Event) (ask []asked, ok bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.gone.Load() {
		return nil, false
	}
	n.used.Store(true)
	n.links.note(ev)
	n.doubt()
	now, failure := time.Now(), ev.Reason.Failure()
	n.members(func(m *member) {
		switch {
		case !m.hears(ev) || m.circuit.ended():
		case ev.Kind == muxpool.NodeReady:
			m.circuit.poolReady(now)
		case !failure:
		case ev.Kind == muxpool.NodeExpelled, ev.Kind == muxpool.ReconnectLimit:
			if !n.links.elsewhere(m.identity, ev.Identity) {
				m.circuit.latch(now, ev)
			}
		case ev.Kind == muxpool.ConnDown, ev.Kind == muxpool.DialFailed:
			ask = append(ask, asked{m, m.seat.set.policy, n.links.healthy(m.identity)})
		}
	})
	return ask, true
}

// hears reports whether an event is about connections that the member's calls may
// use.
func (m *member) hears(ev muxpool.Event) bool {
	none := muxpool.Identity{}
	return m.identity == none || ev.Identity == none || m.identity == ev.Identity
}

// ejects asks the policy.
func (a asked) ejects(ev muxpool.Event) (yes bool) {
	if a.member.node.group.contain("EventPolicy", func() { yes = a.policy(ev, a.healthy) }) != nil {
		return DefaultEventPolicy(ev, a.healthy)
	}
	return yes
}

func (n *node) latch(m *member, ev muxpool.Event) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	m.circuit.latch(time.Now(), ev)
	return !n.gone.Load()
}

// latch puts the node out for an event, whatever state it is in. mu is held.
func (c *circuit) latch(now time.Time, ev muxpool.Event) {
	cause := ev.Err
	if cause == nil {
		cause = errors.New(ev.String())
	}
	c.active.silent = c.active.silent || provesNothing(ev.Reason)
	if ev.Reason != muxpool.ReasonReconnectLimit { // which says how often, and not why
		c.active.refused = ev.Reason == muxpool.ReasonHandshakeFailed
	}
	c.eject(now, byPool, reasonOf(ev), cause)
}

// poolReady ends what the pool began: a node that it reports as ready again has been
// connected to. Where a connect proves nothing, and where the user brought a Prober, that
// is for a probe to find out, now. mu is held.
func (c *circuit) poolReady(now time.Time) {
	if !c.latches[byPool].on {
		return
	}
	if c.set().prober == nil && !c.active.silent {
		c.poolProved(now, ReasonPoolReady)
		return
	}
	if c.state != Open {
		return
	}
	c.latches[byPool].until = now
	if probe, own := c.prober(); probe != nil {
		if own || !c.latches.worst().until.After(now) {
			c.active.hasten()
		}
		if c.active.probe == nil { // else it goes on
			c.publish(now, ReasonPoolReady, nil)
		}
		return
	}
	if !c.latches.worst().until.After(now) { // else another source holds it
		c.move(now, over, ReasonPoolReady, nil)
	}
}

// vouch takes an answer as the proof that the connections which are up work.
func (n *node) vouch(who muxpool.Identity) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.links.vouch(who)
	n.doubt()
}

// doubt tells the members of whose connections a pool has told, and whose next success
// would be news. mu is held.
func (n *node) doubt() {
	n.members(func(m *member) {
		m.told.Store(n.links.known(m.identity))
		m.suspect.Store(n.links.suspect(m.identity))
	})
}
