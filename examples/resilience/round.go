package main

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/muxkit/muxkit/breaker"
	muxendpoint "github.com/muxkit/muxkit/endpoint"
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
	sent    atomic.Int64        // attempts sent to the victim while it was sick
	healed  atomic.Int64        // those it answered after
	opened  chan breaker.Change // the first time that the victim's breaker opened while it was sick
}

// outcome is what a round came to.
type outcome struct {
	fault    string
	guarded  bool
	summary  summary
	sent     int64          // attempts sent to the victim while it was sick
	repeated int            // puts that nodes got twice
	opened   breaker.Change // how its breaker opened; zero if it did not
	struck   time.Time      // when it fell sick
}

func playRound(ctx context.Context, cfg config, f fault, guarded bool) (o outcome, err error) {
	r := &round{config: cfg, fault: f, guarded: guarded, opened: make(chan breaker.Change, 1)}
	if r.cluster, err = startCluster(f.dark, cfg.relay); err != nil {
		return o, err
	}
	defer func() { err = errors.Join(err, r.cluster.end()) }()
	r.victim = muxpool.Node{Network: "tcp", Address: r.cluster.addresses[unlucky]}
	r.client, err = newClient(r.cluster.addresses, muxendpoint.Policy(cfg.balance), guarded, r)
	if err != nil {
		return o, err
	}
	defer func() { err = errors.Join(err, r.client.close()) }()
	load := startLoad(r.client, r.rate, &r.phase)
	o, err = r.play(ctx)
	o.summary = summarise(load.stop())
	o.sent = r.sent.Load()
	if err == nil {
		o.repeated, err = r.cluster.repeated()
	}
	return o, err
}

// play is the script.
func (r *round) play(ctx context.Context) (outcome, error) {
	o := outcome{fault: r.fault.name, guarded: r.guarded}
	if err := sleep(ctx, r.before); err != nil {
		return o, err
	}
	o.struck = time.Now()
	r.phase.Store(int32(onset))
	if err := r.fault.strike(r.cluster); err != nil {
		return o, fmt.Errorf("%s: %w", r.fault.name, err)
	}
	err := sleep(ctx, r.sick/2)
	r.phase.Store(int32(later))
	if err == nil {
		err = sleep(ctx, r.sick/2)
	}
	if err == nil && r.guarded {
		o.opened, err = r.awaitOpen(ctx)
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

// awaitOpen waits for the breaker of the sick node to open. PowerOfTwo sends so
// little to a slow node that there may be nothing to judge: then it does not wait.
func (r *round) awaitOpen(ctx context.Context) (c breaker.Change, err error) {
	select {
	case c = <-r.opened:
		return c, nil
	default:
	}
	if muxendpoint.Policy(r.balance) == muxendpoint.PowerOfTwo {
		return c, nil
	}
	limit := time.NewTimer(patience)
	defer limit.Stop()
	select {
	case c = <-r.opened:
	case <-limit.C:
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	return c, err
}

func (r *round) awaitHealed(ctx context.Context) error {
	for end := time.Now().Add(patience); r.healed.Load() == 0; {
		if time.Now().After(end) {
			return fmt.Errorf("the node that was %s answered nothing for %v after it was healed", r.fault.name, patience)
		}
		if err := sleep(ctx, 10*time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

// changed, sending and answered make the round a watcher.
func (r *round) changed(c breaker.Change) {
	if c.Node == r.victim && c.To == breaker.Open && r.isSick() {
		select {
		case r.opened <- c:
		default:
		}
	}
}

func (r *round) isSick() bool {
	p := phase(r.phase.Load())
	return p == onset || p == later
}

func (r *round) sending(n muxpool.Node) {
	if n == r.victim && r.isSick() {
		r.sent.Add(1)
	}
}

func (r *round) answered(n muxpool.Node) {
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
