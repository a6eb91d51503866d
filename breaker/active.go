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
// whose connections are gone each interval (default 1 s) and at the pool's
// NodeReady, any other at the end of its ejection and each interval
// from then on. A failed probe does not make later ejections longer. A nil prober
// means none, which is the default.
//
// One run per node at a time: when a run outlives its deadline, users' calls
// are the probes until it returns.
func WithProbe(prober Prober, interval time.Duration) Option {
	return func(s *settings) {
		s.prober = prober
		s.duration("WithProbe: interval", &s.probeEvery, interval)
	}
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

// active is a node's use of its Prober. The node's mu guards it.
type active struct {
	timer   *time.Timer
	probe   *probe    // under way and before its deadline
	running bool      // the Prober has not returned
	tried   time.Time // the last probe's end, or the ejection's begin
	silent  bool      // ejected for a reason after which connecting proves nothing
}

func (a *active) stop() {
	if a.timer != nil {
		a.timer.Stop()
		a.timer = nil
	}
}

// nextProbe returns when a node that is ejected until a time is to be probed:
// then, or an interval after the last probe if that is later; if the pool alone
// has put it out, an interval after that began or was tried.
func (n *node) nextProbe(until time.Time) time.Time {
	next := n.active.tried.Add(n.set.probeEvery)
	if !until.After(n.active.tried) || n.latches.only(byPool) && next.Before(until) {
		return next
	}
	return until
}

// arm sets the timer for the next probe. mu is held.
func (n *node) arm(now time.Time) {
	n.active.stop()
	if n.mode == Auto && n.state == Open && n.set.prober != nil && n.active.probe == nil && !n.ended {
		n.active.timer = time.AfterFunc(n.gate.Load().until.Sub(now), n.runProber)
	}
}

// hasten makes a probe due now, unless one is under way. mu is held.
func (n *node) hasten(now time.Time) {
	if n.active.probe == nil {
		n.publish(now, ReasonPoolReady, nil)
	}
}

// runProber is the timer's function.
func (n *node) runProber() {
	p, prober, timeout := n.startProbe()
	if p == nil {
		return
	}
	ctx, cancel := context.WithTimeoutCause(n.group.ctx, timeout, errProbeDeadline)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { n.probed(p, context.Cause(ctx)) })
	defer stop()
	err := prober(ctx, n.id)
	n.probed(p, err)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.active.running = false
}

// startProbe returns a nil probe if none is due.
func (n *node) startProbe() (*probe, Prober, time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	g, now := n.gate.Load(), time.Now()
	if n.ended || g.state != Open || n.mode != Auto || n.set.prober == nil || n.active.probe != nil {
		return nil, nil, 0
	}
	if now.Before(g.until) { // a timer that was stopped too late
		return nil, nil, 0
	}
	if n.active.running {
		n.turn(now, HalfOpen, ReasonEjectionOver, g.cause)
		return nil, nil, 0
	}
	p := &probe{gate: g}
	n.active.probe, n.active.running = p, true
	return p, n.set.prober, n.set.probeTimeout
}

// probed takes a probe's result. One that began before the gate in force, that
// is, before an event that came meanwhile, proves nothing.
func (n *node) probed(p *probe, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if p.settled {
		return
	}
	p.settled = true
	n.active.probe = nil
	if n.ended {
		return
	}
	now := time.Now()
	n.active.tried = now
	late := n.gate.Load() != p.gate
	switch {
	case late:
		n.tally.late++
		if n.mode == Auto && n.state == Open {
			n.publish(now, ReasonProbeFailed, err)
		}
	case err == nil, errors.Is(err, ErrConnectOnly) && n.latches.only(byPool) && !n.active.silent:
		n.close(now, ReasonProbeSucceeded)
	case errors.Is(err, ErrConnectOnly):
		n.turn(now, HalfOpen, ReasonProbeSucceeded, nil)
	default:
		n.latches.extend(now.Add(n.set.probeEvery), err)
		n.publish(now, ReasonProbeFailed, err)
	}
}
