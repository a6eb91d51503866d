package breaker

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/muxkit/muxkit/muxpool"
)

// gate is all that a call needs to know of its node. It is never changed, only
// replaced: a result that comes back to another gate than the one in force is
// late, and is ignored.
type gate struct {
	state    State
	set      *settings
	judge    *judge    // while Closed, nil if calls are not judged
	trial    *trial    // while HalfOpen
	reason   Reason    // while not Closed
	cause    error     // while not Closed
	until    time.Time // while Open: when that is reconsidered; zero: nobody knows
	timed    bool      // while Open: the first call after until makes it HalfOpen
	outlier  bool      // out by call outcomes alone: takes calls in a panic
	observed bool      // refuses nobody
}

// node is the breaker of one node: a machine behind a lock, and a gate in front
// of it for the calls, which take no lock of ours but the judge's.
type node struct {
	group   *Group
	id      muxpool.Node
	gate    atomic.Pointer[gate]
	used    atomic.Bool // a call came since the last look
	gone    atomic.Bool // forgotten: ask the group again
	suspect atomic.Bool // as conns.suspect
	tally   tally

	// mu guards what is below, and the replacement of gate. Under it no user's
	// function is called and nothing waits. census and notices are locked under it.
	mu      sync.Mutex
	set     *settings
	mode    Mode
	state   State // what the machine says; mode may override it for the gate
	latches latches
	pace    pace
	conns   conns
	since   time.Time // of the gate's state
	counts  counted   // the census's
	ended   bool      // the group was closed, or the node forgotten
	keep    keep
	active  active
}

// Mode says whether a breaker follows its machine or its operator.
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

func newNode(g *Group, id muxpool.Node, set *settings) *node {
	n := &node{group: g, id: id, set: set, since: time.Now()}
	n.gate.Store(&gate{set: set, judge: newJudge(set)})
	return n
}

// turn is the one door through which the machine changes its state. mu is held.
func (n *node) turn(now time.Time, to State, why Reason, cause error) {
	if to == Open && n.state != Open {
		n.active.tried = now
		n.tally.ejections++
		if n.set.observe {
			n.tally.wouldEject++
		}
	}
	n.state = to
	n.publish(now, why, cause)
}

// publish makes the gate anew from the machine and the mode, and tells of it. A
// closed node gets a fresh judge, a half-open one a fresh trial. mu is held.
func (n *node) publish(now time.Time, why Reason, cause error) {
	if n.ended {
		return
	}
	old, g := n.gate.Load(), n.newGate(now)
	n.gate.Store(g)
	n.recount()
	n.arm(now)
	if old.state != g.state {
		n.since = now
		n.tell(old.state, g, why, cause, now)
	}
}

func (n *node) newGate(now time.Time) *gate {
	switch n.mode {
	case ForcedOpen:
		return &gate{set: n.set, state: Open, reason: ReasonForcedOpen, cause: n.keep.forced}
	case Disabled:
		return &gate{set: n.set, state: Closed}
	}
	g := &gate{set: n.set, state: n.state, observed: n.set.observe}
	if g.state == Closed {
		g.judge = newJudge(n.set)
		return g
	}
	w := n.latches.worst()
	g.reason, g.cause, g.outlier = w.reason, w.cause, n.latches.only(byCalls)
	if g.state == HalfOpen {
		g.trial, g.until = newTrial(n.set.probes), now.Add(n.set.probeTimeout)
		return g
	}
	g.until, g.timed = w.until, n.set.prober == nil
	if !g.timed {
		g.until = n.nextProbe(w.until)
	}
	return g
}

// recount tells the census how the node counts. mu is held.
func (n *node) recount() {
	g := n.gate.Load()
	n.group.census.count(&n.counts, counted{live: n.live(), out: g.state != Closed})
}

func (n *node) tell(from State, g *gate, why Reason, cause error, now time.Time) {
	c := notice{Change: Change{Node: n.id, From: from, To: g.state, Reason: why, Cause: cause, Time: now, Observed: g.observed}}
	if g.state == Open && !g.until.IsZero() {
		c.RetryAfter = max(0, g.until.Sub(now))
	}
	if st := n.set.gobreaker; st != nil && st.OnStateChange != nil {
		name := st.Name
		if name == "" {
			name = n.id.String()
		}
		c.onStateChange = func() { st.OnStateChange(name, stateOf(c.From), stateOf(c.To)) }
	}
	n.group.notices.put(c)
}

// eject puts the node out, or adds a source to those that keep it out. mu is
// held.
func (n *node) eject(now time.Time, by source, why Reason, cause error) {
	l := &n.latches[by]
	switch {
	case n.state != Open:
		*l = latch{true, why, cause, now.Add(n.pace.next(n.set, now, n.state == Closed))}
	case !l.on:
		*l = latch{true, why, cause, now.Add(n.pace.same(n.set))}
	default: // more of the same, the time stands
		l.reason, l.cause = why, cause
	}
	n.turn(now, Open, why, cause)
}

// close ends every ejection. mu is held.
func (n *node) close(now time.Time, why Reason) {
	n.latches = latches{}
	n.pace.calm = now
	n.active.silent = false
	n.turn(now, Closed, why, nil)
}

// trip ejects the node for what judge j found, unless that was decided already
// or too many are out.
func (n *node) trip(j *judge, why Reason, cause error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.ended || n.gate.Load().judge != j {
		return
	}
	now := time.Now()
	if !n.group.census.mayEject(&n.counts) {
		n.tally.spared++
		n.publish(now, why, cause) // a fresh judge
		return
	}
	n.eject(now, byCalls, why, cause)
}

// expire makes the node half-open when its ejection's time is over.
func (n *node) expire(from *gate) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.gate.Load() == from && !n.ended {
		n.turn(time.Now(), HalfOpen, ReasonEjectionOver, from.cause)
	}
}

// configure puts new settings in force.
func (n *node) configure(set *settings) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.set = set
	if n.ended {
		return
	}
	g := *n.gate.Load()
	g.set, g.observed = set, set.observe && n.mode != ForcedOpen
	if g.judge != nil {
		g.judge.configure(set)
	}
	if n.mode == Auto && g.state == Open {
		g.timed, g.until = set.prober == nil, n.latches.worst().until
		if !g.timed {
			g.until = n.nextProbe(g.until)
		}
	}
	n.gate.Store(&g)
	n.arm(time.Now())
}

// end takes the node out of service: its calls pass, its timers stop.
func (n *node) end() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.ended = true
	n.gate.Store(&gate{set: n.set})
	n.group.census.count(&n.counts, counted{})
	n.keep.stop()
	n.active.stop()
}
