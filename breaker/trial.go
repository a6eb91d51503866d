package breaker

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/go-kit/kit/endpoint"
)

// errProbeDeadline is the cause of a probe's context at its deadline.
var errProbeDeadline = errors.New("breaker: the probe did not end by its deadline")

var errSlowProbe = errors.New("breaker: the probe succeeded, too slowly for SlowCalls")

// trial is one half-open period: as many calls as are needed to close the circuit
// get a place, and no more. A place comes back from a probe that was neutral.
type trial struct {
	free  atomic.Int32 // places
	began time.Time
	until time.Time // when a probe that begins at once has failed at the latest
	need  int32     // successes that close the circuit
	good  int32     // successes; the node's mu guards it

	grudge uint64 // the circuit's, when the period began
}

func newTrial(n int, began, until time.Time, grudge uint64) *trial {
	t := &trial{need: int32(n), began: began, until: until, grudge: grudge}
	t.free.Store(t.need)
	return t
}

// enter takes a place, if there is one.
func (t *trial) enter() bool {
	for {
		n := t.free.Load()
		if n <= 0 {
			return false
		}
		if t.free.CompareAndSwap(n, n-1) {
			return true
		}
	}
}

func (t *trial) leave() { t.free.Add(1) }

// probe is a call that tries out a half-open node, a half-open method, or both.
// The first to end it decides: its end, or its caller who leaves.
//
// Its deadline does not end it. It settles the place, as failed: given back, it would cost
// one user's call after the other on a node that is silent. The call goes on, and may still
// succeed: then what calls with longer deadlines than a probe has take is proved by it,
// if nothing but deadlines has spoken against the circuit since.
type probe struct {
	call
	done atomic.Bool
}

// probe makes a call that is a probe.
func (c *call) probe(ctx context.Context, request any, next endpoint.Endpoint) (any, error) {
	c.start = c.method.group.clock()
	p := &probe{call: *c}
	p.begin()
	overdue := time.AfterFunc(c.node.set.probeTimeout, p.overdue)
	defer overdue.Stop()
	stop := context.AfterFunc(ctx, func() { p.end(ctx, nil, ctx.Err()) })
	defer stop()
	// Deferred last, so it runs first; it is without effect unless next panicked.
	defer p.abandon()
	response, err := next(ctx, request)
	p.end(ctx, response, err)
	return response, err
}

// overdue settles the places of a call that takes too long.
func (p *probe) overdue() {
	m := p.method.member
	m.node.mu.Lock()
	defer m.node.mu.Unlock()
	if p.done.Load() {
		return // and settles as soon as it has the lock
	}
	if p.node.trial != nil && m.circuit.gen == p.node.gen {
		m.circuit.settle(p.node, Failure, errProbeDeadline)
	}
	if x := p.method.circuit; p.of != nil && p.of.trial != nil && x.gen == p.of.gen {
		x.settle(p.of, Failure, errProbeDeadline)
	}
}

func (p *probe) end(ctx context.Context, response any, err error) {
	if p.done.Swap(true) {
		return
	}
	now := p.method.group.clock()
	took := time.Duration(now - p.start)
	f := nothing
	defer func() { // also when a Classifier ends the goroutine
		p.account(f, now, took, err)
		p.settle(f, took, err)
	}()
	f = p.find(ctx, response, err, took)
}

func (p *probe) abandon() {
	if !p.done.Swap(true) {
		p.account(nothing, p.start, 0, nil)
		p.settle(nothing, 0, nil)
	}
}

// settle takes what was found to the circuits that the probe has a place of.
func (p *probe) settle(f finding, took time.Duration, cause error) {
	m := p.method.member
	m.node.mu.Lock()
	defer m.node.mu.Unlock()
	result := f.result()
	if slow := p.node.set.slow; f == well && slow > 0 && took > slow {
		result, cause = Failure, errSlowProbe
	}
	if p.node.trial != nil {
		m.circuit.settle(p.node, p.forNode(f, result), cause)
	}
	if p.of != nil && p.of.trial != nil {
		if f == sickWay || f == noWay {
			result = Neutral
		}
		p.method.circuit.settle(p.of, result, cause)
	}
}

// forNode is what the result of a probe proves of the node. One of several methods
// that answers too slowly, or with an error, has answered, and the others may be well:
// that they are not, another one has to show if it was they that put the node out. mu is
// held.
func (p *probe) forNode(f finding, result Outcome) Outcome {
	switch l := &p.method.member.circuit.latches; {
	case !p.apart || f != well && f != sickCall:
		return result
	case f == sickCall && l[byCalls].on && l[byCalls].several:
		return Neutral
	}
	return Success
}

// result is what a finding proves. Who answers, whatever it is, is alive, and who
// cannot be reached is not back.
func (f finding) result() Outcome {
	if f == noWay {
		return Failure
	}
	return f.counted()
}

// settle takes a probe's result. mu is held.
func (c *circuit) settle(g *gate, o Outcome, cause error) {
	now := time.Now()
	if c.gen != g.gen || c.ended() {
		if o == Success && c.grudge == g.trial.grudge && c.afterAll(now) {
			return
		}
		c.member.tally.late++
		return
	}
	switch o {
	case Neutral:
		g.trial.leave()
		c.scope().changes.Add(1)
	case Failure:
		c.latches.extend(now.Add(c.pace.next(c.set(), now, false)), cause)
		c.move(now, failed, ReasonProbeFailed, cause)
		if !c.isNode() {
			c.member.severalOut(now)
		}
	case Success:
		if g.trial.good++; g.trial.good == g.trial.need {
			c.move(now, proved, ReasonProbeSucceeded, nil)
		}
	}
}

// afterAll takes the success of a probe whose period is over, and whom nothing but
// deadlines has contradicted since. It reports whether that proves anything.
func (c *circuit) afterAll(now time.Time) bool {
	switch {
	case c.ended():
		return false
	case c.state == HalfOpen:
		if c.trial.good++; c.trial.good < c.trial.need {
			return true
		}
	case c.state != Open || c.set().probes > 1:
		return false
	}
	c.move(now, proved, ReasonProbeSucceeded, nil)
	return true
}
