package breaker

import (
	"errors"
	"time"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/verdict"
)

// eject puts the circuit out, or tells that another source or more of the same
// speaks against it. mu is held.
func (c *circuit) eject(now time.Time, by source, why Reason, cause error) {
	l := &c.latches[by]
	switch {
	case c.state != Open:
		*l = latch{on: true, reason: why, cause: cause, until: now.Add(c.pace.next(c.set(), now, c.state == Closed))}
	case !l.on:
		*l = latch{on: true, reason: why, cause: cause, until: now.Add(c.pace.same(c.set()))}
	default: // more of the same, the time stands
		l.reason, l.cause = why, cause
	}
	l.lost, l.several = false, why == ReasonMethods
	c.move(now, ejected, why, cause)
}

// lostWithTheWay reports whether a call ended with its connection. It asks the error, whose methods
// may be the user's: no lock is held.
func lostWithTheWay(cause error) bool {
	v := verdict.Of(cause)
	var byPool *muxpool.Error
	return v.Whose == verdict.Path || v.Whose == verdict.Node && errors.As(cause, &byPool)
}

// trip ejects the circuit for what its calls came to in a generation, unless that
// is over or it may not go.
func (c *circuit) trip(gen uint64, why Reason, cause error) {
	lost := lostWithTheWay(cause)
	n := c.node()
	n.mu.Lock()
	defer n.mu.Unlock()
	if c.ended() || c.gen != gen {
		return
	}
	if c.ejectForCalls(time.Now(), why, cause, lost) && !c.isNode() {
		c.member.severalOut(time.Now())
	}
}

// ejectForCalls ejects the circuit for its calls, if it may go. lost is lostWithTheWay of cause. mu is
// held.
func (c *circuit) ejectForCalls(now time.Time, why Reason, cause error, lost bool) bool {
	if !c.scope().census.mayEject(c, c.quiet()) {
		c.member.tally.spared++
		c.move(now, spared, why, cause)
		return false
	}
	c.eject(now, byCalls, why, cause)
	c.latches[byCalls].lost = lost
	return true
}

// soonest is how long nothing must have succeeded until a node goes for its methods of
// which some were never answered.
const soonest = time.Second

// severalOut ejects the node when several methods are out by their calls and nothing
// on it has succeeded since the first of them went out: then it is not theirs. That a
// method is not called just now is no sign of that, so one that was well lately must be
// out as well: two may have one dependency. Of one that was never answered nobody knows
// how it is, and there is time to see. mu is held.
func (m *member) severalOut(now time.Time) {
	lives, first, last := m.lives(), now, (*latch)(nil)
	out, well, unknown := 0, false, false
	m.circuits(func(c *circuit) {
		switch {
		case c.isNode():
		case c.state != Closed && c.lives == lives:
			out++
			first = minTime(first, c.left)
			last = c.latches.worst()
		case c.state == Closed:
			good := c.good.Load() // once: a call may succeed now
			well = well || !c.quietSince(good)
			unknown = unknown || good == neverGood
		}
	})
	if out < 2 || well || unknown && now.Sub(first) < soonest || m.circuit.state != Closed {
		return
	}
	m.circuit.ejectForCalls(now, ReasonMethods, last.cause, last.lost)
}

// expire makes the circuit half-open when the time of its ejection in a generation
// is over.
func (c *circuit) expire(gen uint64) {
	n := c.node()
	n.mu.Lock()
	defer n.mu.Unlock()
	if c.gen == gen && n.mode == Auto {
		c.move(time.Now(), over, ReasonEjectionOver, c.gate.Load().cause)
	}
}
