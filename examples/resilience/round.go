package main

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/muxkit/muxkit/breaker"
	"github.com/muxkit/muxkit/muxpool"
)

// patience bounds each wait for something that must come.
const patience = 20 * time.Second

// round is one case, played once.
type round struct {
	config
	fault   fault
	guarded bool // with breakers

	cluster *cluster
	client  *client
	victim  muxpool.Node
	phase   atomic.Int32
	sent    atomic.Int64 // attempts sent to the victim while it was sick
	healed  atomic.Int64 // those it answered after
	struck  time.Time
	opened  chan breaker.Change // the first time that the victim's breaker opened while it was sick
}

// outcome is what a round came to.
type outcome struct {
	fault    string
	guarded  bool
	summary  summary
	sent     int64          // attempts sent to the victim while it was sick
	healed   int64          // attempts that it answered when it was well again
	opened   breaker.Change // how its breaker opened; zero if it did not
	outAfter time.Duration  // how soon
}

func playRound(ctx context.Context, cfg config, f fault, guarded bool) (o outcome, err error) {
	r := &round{config: cfg, fault: f, guarded: guarded, opened: make(chan breaker.Change, 1)}
	if r.cluster, err = startCluster(f.name == "black-hole"); err != nil {
		return o, err
	}
	defer func() { err = errors.Join(err, r.cluster.end()) }()
	r.victim = muxpool.Node{Network: "tcp", Address: r.cluster.addresses[sick]}
	r.client, err = newClient(r.cluster.addresses, guarded, r.changed, r.noteSent, r.noteAnswered)
	if err != nil {
		return o, err
	}
	defer func() { err = errors.Join(err, r.client.close()) }()
	load := startLoad(r.client, r.callers, &r.phase)
	o, err = r.play(ctx)
	o.summary = summarise(load.stop())
	o.sent, o.healed = r.sent.Load(), r.healed.Load()
	return o, err
}

// play is the script.
func (r *round) play(ctx context.Context) (outcome, error) {
	o := outcome{fault: r.fault.name, guarded: r.guarded}
	if err := sleep(ctx, r.before); err != nil {
		return o, err
	}
	r.struck = time.Now()
	r.phase.Store(int32(during))
	if err := r.fault.strike(r.cluster); err != nil {
		return o, fmt.Errorf("%s: %w", r.fault.name, err)
	}
	err := sleep(ctx, r.during)
	if err == nil && r.guarded {
		o.opened, err = r.awaitOpen(ctx)
		o.outAfter = o.opened.Time.Sub(r.struck)
	}
	if err := errors.Join(err, r.fault.heal(r.cluster)); err != nil {
		return o, fmt.Errorf("%s: %w", r.fault.name, err)
	}
	r.phase.Store(int32(after))
	if err := sleep(ctx, r.after); err != nil {
		return o, err
	}
	return o, r.awaitHealed(ctx)
}

func (r *round) awaitOpen(ctx context.Context) (c breaker.Change, err error) {
	limit := time.NewTimer(patience)
	defer limit.Stop()
	select {
	case c = <-r.opened:
		return c, nil
	case <-limit.C:
		return c, fmt.Errorf("the breaker of the sick node did not open within %v", patience)
	case <-ctx.Done():
		return c, context.Cause(ctx)
	}
}

func (r *round) awaitHealed(ctx context.Context) error {
	for end := time.Now().Add(patience); r.healed.Load() == 0; {
		if time.Now().After(end) {
			return fmt.Errorf("the node that was %s answered nothing for %v after it was healed", r.fault.name, patience)
		}
		if err := sleep(ctx, pause); err != nil {
			return err
		}
	}
	return nil
}

// changed listens to the breakers.
func (r *round) changed(c breaker.Change) {
	if c.Node == r.victim && c.To == breaker.Open && phase(r.phase.Load()) == during {
		select {
		case r.opened <- c:
		default:
		}
	}
}

func (r *round) noteSent(n muxpool.Node) {
	if n == r.victim && phase(r.phase.Load()) == during {
		r.sent.Add(1)
	}
}

func (r *round) noteAnswered(n muxpool.Node) {
	if n == r.victim && phase(r.phase.Load()) == after {
		r.healed.Add(1)
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
