package breaker

import (
	"context"
	"math/rand/v2"
	"time"
)

const (
	firstProbe       = 100 * time.Millisecond // the first wait for a run of the target's probe
	longestProbe     = 750 * time.Millisecond // the default of WithProbe: with a connect and a call, less than a second
	firstRefused     = time.Second            // likewise, where the peer refuses the handshake
	longestRefused   = time.Minute
	mostProbeJitter  = 0.5 // of an interval: a jitter that eats it up would have it run all the time
	doublingsOfProbe = 20  // at most: the limits are reached long before
)

// prober returns what tries the circuit out, and whether that is the target's own; nil
// if only calls do, as for a method. A node that its service has let go is left alone:
// somebody else may live at its address by now.
func (c *circuit) prober() (probe func(context.Context) error, own bool) {
	set, id := c.set(), c.node().id
	switch {
	case !c.isNode(), c.member.seat.letGo():
		return nil, false
	case set.prober != nil:
		return func(ctx context.Context) error { return set.prober(ctx, id) }, false
	case set.noProbe, c.active.mute, !c.latches[byPool].on:
		return nil, false
	}
	return c.member.probe, true
}

// tried begins the wait for the next run.
func (c *circuit) tried(now time.Time) { c.active.tried, c.active.draw = now, rand.Float64() }

// hasten has the next run begin at once.
func (a *active) hasten() { a.tried, a.runs, a.refused = time.Time{}, 0, false }

// nextProbe returns when a node that is ejected until a time is to be probed. By the
// target's probe: ever less often. By a user's Prober: then, or an interval after the last
// probe if that is later; if the pool alone has put the node out, an interval after that
// began or was tried.
func (c *circuit) nextProbe(until time.Time, own bool) time.Time {
	a, set := &c.active, c.set()
	wait := set.probeEvery
	switch {
	case own && a.refused:
		wait = min(firstRefused<<min(a.runs, doublingsOfProbe), longestRefused)
	case own:
		wait = min(firstProbe<<min(a.runs, doublingsOfProbe), wait)
	}
	next := a.tried.Add(wait - time.Duration(a.draw*min(set.jitter, mostProbeJitter)*float64(wait)))
	if own || !until.After(a.tried) || c.latches.only(byPool) && next.Before(until) {
		return next
	}
	return until
}

// ranOwn takes the result of the target's probe, which proves what the pool doubts and
// nothing else. mu is held.
func (c *circuit) ranOwn(now time.Time, r *run, got probed) {
	err := got.err
	reached := err == nil || got.connected
	switch {
	case c.state != Open:
		return // NodeReady came first
	case !reached:
		c.active.runs++ // its own dial's failure may have made a new generation
	case c.gen != r.gen:
		c.member.tally.late++
	case err != nil && c.active.silent:
		c.active.mute = true
	default:
		if err == nil {
			c.node().links.vouch(c.member.identity)
			c.node().doubt()
		}
		c.poolProved(now, ReasonProbeSucceeded)
		return
	}
	c.publish(now, ReasonProbeFailed, err)
}

// poolProved ends what the pool has begun, now that this is proved to be over: the
// circuit is closed, unless its calls or its operator have put it out as well. mu is held.
func (c *circuit) poolProved(now time.Time, why Reason) {
	if c.latches.ofPool() {
		c.move(now, proved, why, nil)
		return
	}
	if c.state == HalfOpen {
		return // the calls that try it prove all of it
	}
	c.latches[byPool], c.active.silent, c.active.mute = latch{}, false, false
	if probe, _ := c.prober(); probe == nil && !c.latches.worst().until.After(now) {
		c.move(now, over, why, nil)
		return
	}
	c.publish(now, why, nil)
}
