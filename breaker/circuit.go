package breaker

import (
	"sync/atomic"
	"time"
)

// circuit is one breaker: a machine behind its node's lock, and a gate in front of
// it for the calls. A node has one for itself in each service and under each identity,
// and below it one for each method that has a name.
type circuit struct {
	member *member
	method string // "": the node's own
	gate   atomic.Pointer[gate]
	good   atomic.Int64 // when a call succeeded last, on the group's clock, to a tenth of a second
	roll   *roll        // whom it is counted among; its census's mu guards it

	// The node's mu guards what is below, and the replacement of gate.
	state   State
	gen     uint64    // of the state: what began in another one is late
	judge   *judge    // while Closed
	trial   *trial    // while HalfOpen
	grudge  uint64    // how often something has spoken against it: see probe
	back    time.Time // it was closed last, having been out; zero: it never was
	latches latches
	pace    pace
	since   time.Time // of the gate's state
	counts  counted   // the census's
	left    time.Time // when it was Closed last
	lives   uint64    // the member's, then
	timer   *time.Timer
	active  active
}

// gate is all that a call needs to know of a circuit. It is never changed, only
// replaced, whole: by a change of state, which makes a new generation, or by new
// settings and orders, which keep it with its judge and its trial.
type gate struct {
	gen      uint64
	state    State
	set      *settings
	judge    *judge    // while Closed; nil if calls are not judged
	trial    *trial    // while HalfOpen
	reason   Reason    // while not Closed
	cause    error     // while not Closed
	until    time.Time // while Open: when that is reconsidered; zero: nobody knows
	timed    bool      // while Open: it is HalfOpen from until on
	overAt   int64     // until, on the group's clock
	outlier  bool      // out by call outcomes alone: takes calls in a panic
	observed bool      // refuses nobody
	back     time.Time // while Closed: the circuit's
}

// neverGood is the time of a success that never was.
const neverGood = -1 << 62

func newCircuit(m *member, method string) *circuit {
	set := m.seat.set
	c := &circuit{member: m, method: method, since: time.Now(), judge: newJudge(m.node.group, set)}
	c.roll = m.seat.scope.census.roll(m.identity, method)
	c.good.Store(neverGood)
	c.gate.Store(c.newGate())
	return c
}

func (c *circuit) node() *node    { return c.member.node }
func (c *circuit) scope() *Scope  { return c.member.seat.scope }
func (c *circuit) set() *settings { return c.member.seat.set }
func (c *circuit) isNode() bool   { return c.method == "" }

// publish makes the gate anew, and tells of it. mu is held.
func (c *circuit) publish(now time.Time, why Reason, cause error) {
	old, g := c.gate.Load(), c.newGate()
	c.gate.Store(g)
	c.member.recount()
	c.arm()
	if old.state != g.state {
		c.since = now
		c.tell(old.state, g, why, cause, now)
	}
}

func (c *circuit) newGate() *gate {
	n, set := c.node(), c.set()
	switch {
	case c.ended():
		return &gate{set: set}
	case n.mode == ForcedOpen && c.isNode():
		return &gate{gen: c.gen, set: set, state: Open, reason: ReasonForcedOpen, cause: n.forced}
	case n.mode == Disabled:
		return &gate{gen: c.gen, set: set}
	}
	g := &gate{gen: c.gen, set: set, state: c.state, observed: set.observe, judge: c.judge, trial: c.trial}
	if g.state == Closed {
		g.back = c.back
		return g
	}
	w := c.latches.worst()
	g.reason, g.cause, g.outlier = w.reason, w.cause, c.latches.only(byCalls)
	if g.state == HalfOpen {
		g.until = c.trial.until
		return g
	}
	probe, own := c.prober()
	g.until, g.timed, g.overAt = w.until, probe == nil, int64(w.until.Sub(n.group.start))
	if !g.timed {
		g.until = c.nextProbe(w.until, own)
	}
	return g
}

func (c *circuit) tell(from State, g *gate, why Reason, cause error, now time.Time) {
	if c.member.ghost() {
		return
	}
	ch := Change{Node: c.node().id, Scope: c.scope().name, Method: c.method, From: from, To: g.state,
		Reason: why, Cause: cause, Time: now, Observed: g.observed}
	if g.state == Open && !g.until.IsZero() {
		ch.RetryAfter = max(0, g.until.Sub(now))
	}
	if b := g.set.gobreaker; b != nil && b.OnStateChange != nil && c.isNode() {
		name := b.Name
		if name == "" {
			name = c.node().id.String()
		}
		c.node().group.notices.stateChange(b, name, from, g.state)
	}
	c.node().group.notices.change(ch)
}

// rests reports whether a node that would be probed has been let go by its service: the
// next Hold has it probed, and a call that comes all the same finds the time over. mu is
// held.
func (c *circuit) rests() bool {
	return c.isNode() && c.member.seat.letGo() && (c.set().prober != nil || c.member.probe != nil && !c.set().noProbe)
}

// arm sets the timer for the end of an ejection: a probe, or being half-open. mu
// is held.
func (c *circuit) arm() {
	c.disarm()
	g := c.gate.Load()
	if c.node().mode != Auto || g.state != Open || c.active.probe != nil || c.member.ghost() || c.rests() {
		return
	}
	if left := time.Until(g.until); left > 0 {
		c.timer = time.AfterFunc(left, c.wake)
	} else {
		go c.wake() // without a timer: see docs/decisions/0052
	}
}

func (c *circuit) disarm() {
	if c.timer != nil {
		c.timer.Stop()
		c.timer = nil
	}
}

// configure puts the seat's settings in force; what runs goes on. mu is held.
func (c *circuit) configure(now time.Time) {
	if c.judge != nil {
		c.judge.configure(c.set())
	}
	c.publish(now, ReasonNone, nil)
}

// ended reports whether the circuit is out of service. mu is held.
func (c *circuit) ended() bool { return c.node().ended || c.member.seat.ended }

// end takes the circuit out of service: its calls pass, its timer stops. mu is
// held, and the node or the seat has ended.
func (c *circuit) end() {
	c.gate.Store(c.newGate())
	c.disarm()
}

// succeeded notes the time of a success, which is on the group's clock.
func (c *circuit) succeeded(now int64) {
	if now-c.good.Load() >= int64(time.Second/10) {
		c.good.Store(now)
	}
}

// quiet reports whether no call has succeeded for as long as the detectors look
// back.
func (c *circuit) quiet() bool { return c.quietSince(c.good.Load()) }

// quietSince is quiet of a circuit whose last success was then.
func (c *circuit) quietSince(good int64) bool {
	return good == neverGood || c.node().group.clock()-good > int64(c.set().memory)
}
