package breaker

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/muxkit/muxkit/muxpool"
)

// Prober tries a node out, so that it comes back without costing a user's call.
// It returns nil when the node is healthy, ErrConnectOnly when it can be
// connected to and more is not known, any other error when it is still sick. ctx
// ends at the deadline of WithProbeTimeout and with the group.
type Prober func(ctx context.Context, node muxpool.Node) error

// ErrConnectOnly is a Prober's answer: the node can be connected to. That ends
// an ejection for connections that were lost or could not be made. After calls
// that failed, or connections on which the peer was silent or sent garbage, it
// makes the node half-open, and a user's call proves the rest.
var ErrConnectOnly = errors.New("breaker: connected, health not proven")

// WithProbe has prober, rather than users' calls, try ejected nodes: a node
// whose connections are gone each interval (default 1 s) and at the pool's
// NodeReady, any other at the end of its ejection and each interval
// from then on. A failed probe does not make later ejections longer. The interval is
// shorter by up to a fifth, drawn each time.
//
// A nil prober, the default, means each target's own: see Guard.ProbeWith. It tries what the pool has
// put out, soon (100 ms) and then ever less often, up to the interval; where the peer
// refuses the handshake or a certificate from 1 s up to a minute. What calls have put out,
// users' calls try.
//
// One run per node at a time: when a run outlives its deadline, users' calls
// are the probes until it returns.
func WithProbe(prober Prober, interval time.Duration) Option {
	return func(s *settings) {
		s.prober, s.noProbe = prober, false
		s.duration("WithProbe: interval", &s.probeEvery, interval)
	}
}

// WithoutProbe has users' calls alone try ejected nodes.
func WithoutProbe() Option {
	return func(s *settings) { s.prober, s.noProbe = nil, true }
}

// PoolProbe returns a Prober that opens a virtual connection with opts, which
// makes the pool connect. exchange then asks the peer for a sign of life on it,
// and its error is the probe's; it must end when ctx does. Without exchange, nil,
// a probe that gets a connection returns ErrConnectOnly.
func PoolProbe(pool muxpool.Pool, opts muxpool.GetOptions, exchange func(ctx context.Context, conn muxpool.MuxConn) error) Prober {
	return func(ctx context.Context, node muxpool.Node) error {
		conn, err := pool.GetMuxConn(ctx, node.Network, node.Address, opts)
		if err != nil {
			return err
		}
		defer conn.Close()
		if exchange == nil {
			return ErrConnectOnly
		}
		return exchange(ctx, conn)
	}
}

// active is a node's use of a Prober. The node's mu guards it.
type active struct {
	probe   *run      // under way and before its deadline
	running bool      // the Prober has not returned
	tried   time.Time // from when the wait for the next run counts: the last one's end, or the ejection's begin
	draw    float64   // how much of the jitter is taken off that wait
	runs    int       // that failed, in a row
	silent  bool      // ejected for a reason after which connecting proves nothing
	mute    bool      // and the target's probe can do no more than that
	refused bool      // the peer refuses the handshake, or one side the other's certificate
}

// run is one run of a Prober. The first to end it, the Prober or its deadline,
// decides.
type run struct {
	probe   func(context.Context) error
	own     bool // it is the target's
	timeout time.Duration
	gen     uint64 // of the ejection that it may end
}

const (
	firstProbe       = 100 * time.Millisecond // the first wait for a run of the target's probe
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

// wake is the timer's function.
func (c *circuit) wake() {
	if r := c.startRun(); r != nil {
		c.run(r)
	}
}

// startRun makes the circuit half-open if its time is over and no Prober can try it;
// it returns nil unless one is to run.
func (c *circuit) startRun() *run {
	n := c.node()
	n.mu.Lock()
	defer n.mu.Unlock()
	g, now := c.gate.Load(), time.Now()
	if c.ended() || c.state != Open || n.mode != Auto || c.active.probe != nil || now.Before(g.until) {
		return nil // the timer was stopped too late
	}
	probe, own := c.prober()
	if probe == nil {
		c.move(now, over, ReasonEjectionOver, g.cause)
		return nil
	}
	if c.active.running {
		c.move(now, reached, ReasonEjectionOver, g.cause)
		return nil
	}
	r := &run{probe: probe, own: own, timeout: c.set().probeTimeout, gen: c.gen}
	c.active.probe, c.active.running = r, true
	return r
}

func (c *circuit) run(r *run) {
	g := c.node().group
	ctx, cancel := context.WithTimeoutCause(g.ctx, r.timeout, errProbeDeadline)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { c.ran(r, context.Cause(ctx)) })
	defer stop()
	err := errors.New("breaker: the Prober ended its goroutine")
	defer func() {
		c.ran(r, err)
		c.node().mu.Lock()
		defer c.node().mu.Unlock()
		c.active.running = false
	}()
	answer := err
	if p := g.contain("Prober", func() { answer = r.probe(ctx) }); p != nil {
		answer = p
	}
	err = answer
}

// ran takes the result of a Prober. One that began in an earlier generation, that
// is, before an event that came meanwhile, proves nothing.
func (c *circuit) ran(r *run, err error) {
	n := c.node()
	n.mu.Lock()
	defer n.mu.Unlock()
	if c.active.probe != r {
		return
	}
	c.active.probe = nil
	if c.ended() {
		return
	}
	now := time.Now()
	if c.tried(now); r.own {
		c.ranOwn(now, r, err)
		return
	}
	switch {
	case c.gen != r.gen:
		c.member.tally.late++
		c.publish(now, ReasonProbeFailed, err)
	case err == nil, errors.Is(err, ErrConnectOnly) && c.latches.only(byPool) && !c.active.silent:
		c.move(now, proved, ReasonProbeSucceeded, nil)
	case errors.Is(err, ErrConnectOnly):
		c.move(now, reached, ReasonProbeSucceeded, nil)
	default:
		c.latches.extend(now.Add(c.set().probeEvery), err)
		c.move(now, failed, ReasonProbeFailed, err)
	}
}

// ranOwn takes the result of the target's probe, which proves what the pool doubts and
// nothing else. mu is held.
func (c *circuit) ranOwn(now time.Time, r *run, err error) {
	reached := err == nil || errors.Is(err, ErrConnectOnly)
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
