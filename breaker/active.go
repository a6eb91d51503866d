package breaker

import (
	"context"
	"errors"
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
// whose connections are gone each interval (default 750 ms) and at the pool's
// NodeReady, any other at the end of its ejection and each interval
// from then on. A failed probe does not make later ejections longer. From each
// interval up to the share of WithJitter is taken, at most half.
//
// A nil prober, the default, means each target's own: see Guard.ProbeWith. It tries
// what the pool has put out, after 100 ms and then ever less often, up to the interval;
// where the peer refuses the handshake or a certificate, from 1 s up to a minute. What
// calls have put out, users' calls try.
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
// a probe that gets a connection returns ErrConnectOnly. All nodes are asked with the same
// opts: services that differ in protocol or TLS each have a WithProbe of their own
// (Scope, or an Option of a Set's WithBreakers), or none: then their Clients ask.
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
	tried   time.Time // from when the wait for the next run counts: the ejection's begin, then the last run's (its end, of a user's Prober)
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
	if own {
		c.tried(now) // a dial that takes a second is followed by the next at once
	}
	r := &run{probe: probe, own: own, timeout: c.set().probeTimeout, gen: c.gen}
	c.active.probe, c.active.running = r, true
	return r
}

func (c *circuit) run(r *run) {
	g := c.node().group
	ctx, cancel := context.WithTimeoutCause(g.ctx, r.timeout, errProbeDeadline)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { c.ran(r, probed{err: context.Cause(ctx)}, false) })
	defer stop()
	end := probed{err: errors.New("breaker: the Prober ended its goroutine")}
	defer func() { c.ran(r, end, true) }()
	answer := end
	if p := g.contain("Prober", func() { answer = r.ask(ctx) }); p != nil {
		answer = probed{err: p}
	}
	end = answer
}

// probed is how a run ended.
type probed struct {
	err       error
	connected bool // err is ErrConnectOnly
}

// ask calls the Prober, and asks its error, which may be the user's: no lock is held.
func (r *run) ask(ctx context.Context) probed {
	err := r.probe(ctx)
	return probed{err, errors.Is(err, ErrConnectOnly)}
}

// ran takes the result of a Prober, which has returned unless it is its deadline's. One that began in an earlier generation, that
// is, before an event that came meanwhile, proves nothing.
func (c *circuit) ran(r *run, got probed, returned bool) {
	n := c.node()
	n.mu.Lock()
	defer n.mu.Unlock()
	if returned { // before the next is set going, which would take it for one that hangs
		c.active.running = false
	}
	if c.active.probe != r {
		return
	}
	c.active.probe = nil
	if c.ended() {
		return
	}
	now := time.Now()
	if r.own {
		c.ranOwn(now, r, got)
		return
	}
	c.tried(now)
	switch {
	case c.gen != r.gen:
		c.member.tally.late++
		c.publish(now, ReasonProbeFailed, got.err)
	case got.err == nil, got.connected && c.latches.only(byPool) && !c.active.silent:
		c.move(now, proved, ReasonProbeSucceeded, nil)
	case got.connected:
		c.move(now, reached, ReasonProbeSucceeded, nil)
	default:
		c.latches.extend(now.Add(c.set().probeEvery), got.err)
		c.move(now, failed, ReasonProbeFailed, got.err)
	}
}
