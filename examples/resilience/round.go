package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/muxkit/muxkit/breaker"
	muxendpoint "github.com/muxkit/muxkit/endpoint"
)

// patience bounds each wait for something that must come.
const patience = 20 * time.Second

// round is one scene, played once.
type round struct {
	config
	scene   scene
	guard   guard
	cluster *cluster
	client  *client
	traffic *traffic
}

// attempts bounds how often a round is played until it proves something.
const attempts = 3

func playRound(ctx context.Context, cfg config, s scene, g guard) (o outcome, err error) {
	for i := range attempts {
		if o, err = playOnce(ctx, cfg, s, g); err != nil || o.proves() {
			break
		}
		fmt.Fprintf(cfg.out, "%s: calls were made up to %v late, so that the %d. try proves nothing: %v\n", s.name, o.late, i+1, o.broken())
	}
	return o, err
}

func playOnce(ctx context.Context, cfg config, s scene, g guard) (o outcome, err error) {
	r := &round{config: cfg, scene: s, guard: g, traffic: newTraffic()}
	if r.cluster, err = startCluster(s, cfg.relay); err != nil {
		return o, err
	}
	defer func() { err = errors.Join(err, r.cluster.end()) }()
	r.client, err = newClient(r.cluster.discovery, muxendpoint.Policy(cfg.balance), g, r.traffic)
	if err != nil {
		return o, err
	}
	defer func() { err = errors.Join(err, r.client.close()) }()
	rate := float64(r.rate)
	if s.overload > 0 {
		if o.capacity, err = r.capacity(ctx); err != nil {
			return o, err
		}
		rate = o.capacity * s.overload
	}
	load := startLoad(r.client, s.callers, rate, &r.traffic.phase)
	err = r.play(ctx, &o)
	o.sumUp(r, load.stop(), rate)
	if err == nil {
		o.repeated, err = r.cluster.repeated()
	}
	return o, err
}

// play is the script.
func (r *round) play(ctx context.Context, o *outcome) error {
	if err := sleep(ctx, r.before); err != nil {
		return err
	}
	o.struck = time.Now()
	r.enter(onset)
	if err := r.do(r.scene.strike); err != nil {
		return err
	}
	lasts := r.sick
	if r.scene.lasts != nil {
		lasts = r.scene.lasts(r.config)
	}
	err := sleep(ctx, lasts/2)
	r.enter(later)
	if err == nil {
		err = sleep(ctx, lasts/2)
	}
	if err == nil && r.awaitsOpen() {
		_, err = await(ctx, func() bool { return len(r.traffic.opened(r.isVictim)) > 0 })
	}
	if err := errors.Join(err, r.do(r.scene.heal)); err != nil {
		return err
	}
	o.healed = time.Now()
	r.enter(after)
	if err := sleep(ctx, r.after); err != nil || r.scene.heal == nil {
		return err
	}
	back, err := await(ctx, func() bool { return !r.back().IsZero() })
	if err == nil && !back {
		err = fmt.Errorf("%s: a node answered nothing of what was hurt for %v after it was healed", r.scene.name, patience)
	}
	return err
}

func (r *round) enter(p phase) { r.traffic.phase.Store(int32(p)) }

func (r *round) do(what func(*cluster) error) error {
	if what == nil {
		return nil
	}
	if err := what(r.cluster); err != nil {
		return fmt.Errorf("%s: %w", r.scene.name, err)
	}
	return nil
}

// awaitsOpen reports whether the victim's breaker must open. PowerOfTwo sends so
// little to a slow node that there may be nothing to judge.
func (r *round) awaitsOpen() bool {
	return r.scene.ejects && r.guard == judged && muxendpoint.Policy(r.balance) != muxendpoint.PowerOfTwo
}

func (r *round) isVictim(c breaker.Change) bool {
	return c.Node.Address == r.cluster.addresses[unlucky]
}

// back returns when, after it was healed, the last node had answered what was hurt;
// zero if one has not.
func (r *round) back() (last time.Time) {
	for _, node := range r.cluster.addresses {
		first := r.traffic.at(node, r.scene.hurts, after).first
		if first.IsZero() {
			return first
		}
		if first.After(last) {
			last = first
		}
	}
	return last
}

// await waits until done reports true, for as long as patience allows.
func await(ctx context.Context, done func() bool) (bool, error) {
	for end := time.Now().Add(patience); !done(); {
		if time.Now().After(end) {
			return false, nil
		}
		if err := sleep(ctx, 10*time.Millisecond); err != nil {
			return false, err
		}
	}
	return true, nil
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
