package main

import (
	"cmp"
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

// outcome is what a round came to.
type outcome struct {
	scene    scene
	guard    guard
	tallies  []tally       // of the scene's callers
	repeated int           // puts that nodes got twice
	inTurn   bool          // the nodes were taken in turn
	late     time.Duration // the longest that a call was made after it was due

	struck, healed time.Time        // between which it was played
	sent           int              // attempts sent to the victim meanwhile
	victim         string           // its address
	opened         []breaker.Change // how breakers opened, from first to last
	goodput        float64          // good answers a second meanwhile
	possible       float64          // as many as were asked for, or as the nodes have capacity for
	leastUsed      float64          // the share of the node that gave the fewest good answers, but for the method that was hurt
	back           time.Duration    // how long after it was healed each node had answered what was hurt
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
	r.client, err = newClient(r.cluster.addresses, muxendpoint.Policy(cfg.balance), g, r.traffic)
	if err != nil {
		return o, err
	}
	defer func() { err = errors.Join(err, r.client.close()) }()
	rate := float64(r.rate)
	if s.overload > 0 {
		if o.possible, err = r.capacity(ctx); err != nil {
			return o, err
		}
		rate = o.possible * s.overload
	}
	load := startLoad(r.client, s.callers, rate, &r.traffic.phase)
	err = r.play(ctx, &o)
	r.sumUp(&o, load.stop(), rate)
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
	err := sleep(ctx, r.sick/2)
	r.enter(later)
	if err == nil {
		err = sleep(ctx, r.sick/2)
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

func (r *round) sumUp(o *outcome, results []result, rate float64) {
	o.scene, o.guard, o.victim = r.scene, r.guard, r.cluster.addresses[unlucky]
	o.inTurn = muxendpoint.Policy(r.balance) == muxendpoint.RoundRobin
	o.tallies = tallyUp(r.scene.callers, results)
	o.sent = r.traffic.at(o.victim, "", onset, later).sent
	o.opened = r.traffic.opened(func(breaker.Change) bool { return true })
	if last := r.back(); r.scene.heal != nil && last.After(o.healed) {
		o.back = last.Sub(o.healed)
	}
	for _, res := range results {
		o.late = max(o.late, res.late)
	}
	var asked float64
	var ends []time.Time
	all, answers := 0, make(map[string]int)
	for i, who := range r.scene.callers {
		if who.other {
			continue
		}
		asked += rate * float64(who.percent) / 100
		for _, res := range results {
			if res.caller == i && res.err == nil {
				ends = append(ends, res.ended)
			}
		}
		if who.method == r.scene.hurts {
			continue
		}
		for _, node := range r.cluster.addresses {
			n := r.traffic.at(node, who.method, onset, later).answered
			answers[node] += n
			all += n
		}
	}
	o.possible = cmp.Or(o.possible, asked)
	o.goodput = throughput(ends, r.scene.nodes.takes, o.struck, o.healed)
	o.leastUsed = 1
	for _, node := range r.cluster.addresses {
		o.leastUsed = min(o.leastUsed, float64(answers[node])/float64(max(1, all)))
	}
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
