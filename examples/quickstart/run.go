package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-kit/log"

	"github.com/muxkit/muxkit/breaker"
	"github.com/muxkit/muxkit/muxpool"
)

// patience bounds each wait for something that must come.
const patience = 15 * time.Second

// show is one run, from the start of the nodes to the verdict.
type show struct {
	config
	screen *screen
	nodes  []*process
	client *client
	load   *load

	changes chan breaker.Change // of the victim; has room for those that come while nobody watches
}

// run shows it all, and returns an error if a promise was broken or nothing could
// be shown.
func run(ctx context.Context, cfg config) (err error) {
	if err := cfg.check(); err != nil {
		return err
	}
	s := &show{config: cfg, screen: newScreen(cfg.out, cfg.live), changes: make(chan breaker.Change, 256)}
	defer func() { err = errors.Join(err, stopAll(s.nodes)) }()
	if err := s.startNodes(); err != nil {
		return err
	}
	if s.client, err = newClient(s.instances(), log.NewLogfmtLogger(s.screen)); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.client.close()) }()
	s.narrate()

	s.load = startLoad(s.client, cfg.callers)
	e, err := s.play(ctx)
	results := s.load.stop()
	if err != nil {
		return err
	}
	e.calls, e.wrong, e.failed = s.load.calls.Load(), s.load.wrong.Load(), s.load.failed.Load()
	printSummary(cfg.out, summarise(results), cfg.kill)
	return printPromises(cfg.out, e.judge())
}

func (s *show) startNodes() error {
	for range s.config.nodes {
		p, err := startProcess()
		if err != nil {
			return err
		}
		s.nodes = append(s.nodes, p)
		s.screen.say("node %s started, process %d", p.address, p.pid())
	}
	return nil
}

func (s *show) instances() (all []string) {
	for _, p := range s.nodes {
		all = append(all, p.address)
	}
	return all
}

// victim is the node that is killed.
func (s *show) victim() *process { return s.nodes[len(s.nodes)/2] }

// narrate tells what the pool and the breakers report.
func (s *show) narrate() {
	victim := s.victim().address
	s.client.pool.Subscribe(func(ev muxpool.Event) {
		switch ev.Kind {
		case muxpool.ReconnectLimit, muxpool.NodeExpelled, muxpool.NodeReady:
			s.screen.say("pool: %s %s %s", ev.Node.Address, ev.Kind, reasonText(ev))
		}
	})
	s.client.breakers.Subscribe(func(c breaker.Change) {
		s.screen.say("breaker: %s from %s to %s: %s", c.Node.Address, c.From, c.To, c.Reason)
		if c.Node.Address == victim {
			s.changes <- c
		}
	})
}

func reasonText(ev muxpool.Event) string {
	if ev.Reason == muxpool.ReasonNone {
		return ""
	}
	return fmt.Sprintf("(%s)", ev.Reason)
}

// play is the script.
func (s *show) play(ctx context.Context) (evidence, error) {
	e := evidence{callers: s.callers}
	quarter := s.duration / 4
	if !s.kill {
		return e, s.watch(ctx, s.duration, nil)
	}
	if err := s.watch(ctx, quarter, nil); err != nil {
		return e, err
	}
	if err := s.killVictim(ctx, &e); err != nil {
		return e, err
	}
	if err := s.watch(ctx, quarter, nil); err != nil {
		return e, err
	}
	if err := s.restartVictim(ctx); err != nil {
		return e, err
	}
	if err := s.watch(ctx, 2*quarter, nil); err != nil {
		return e, err
	}
	var err error
	e.received, err = s.victim().received()
	e.sentSince = e.killed.sent.Load() - e.sentSince
	return e, err
}

// killVictim kills a node and waits for its breaker to open.
func (s *show) killVictim(ctx context.Context, e *evidence) error {
	v := s.victim()
	e.killed = s.client.ledger.of(muxpool.Node{Network: "tcp", Address: v.address})
	e.sentSince = e.killed.sent.Load()
	s.load.phase.Store(int32(during))
	s.screen.say("kill -9 %d: node %s dies", v.pid(), v.address)
	if err := v.kill(); err != nil {
		return err
	}
	return s.await(ctx, breaker.Open, &e.opened)
}

// restartVictim restarts the node on its address, and waits for the probe that
// closes its breaker.
func (s *show) restartVictim(ctx context.Context) error {
	v := s.victim()
	if err := v.start(); err != nil {
		return err
	}
	s.screen.say("node %s restarted, process %d", v.address, v.pid())
	if err := s.await(ctx, breaker.Closed, new(breaker.Change)); err != nil {
		return err
	}
	s.load.phase.Store(int32(after))
	return nil
}

// await watches until the victim's breaker changes to the state.
func (s *show) await(ctx context.Context, to breaker.State, change *breaker.Change) error {
	err := s.watch(ctx, patience, func(c breaker.Change) bool {
		*change = c
		return c.To == to
	})
	if err == nil && change.To != to {
		return fmt.Errorf("the breaker of %s was not %s within %v", s.victim().address, to, patience)
	}
	return err
}

// watch shows the table for d, or until the victim's breaker makes a change that
// is enough.
func (s *show) watch(ctx context.Context, d time.Duration, enough func(breaker.Change) bool) error {
	end := time.NewTimer(d)
	defer end.Stop()
	tick := time.NewTicker(s.screen.interval())
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			s.screen.show(render(s.headline(), rows(s.client)))
		case c := <-s.changes:
			if enough != nil && enough(c) {
				return nil
			}
		case <-end.C:
			return nil
		case <-ctx.Done():
			return fmt.Errorf("interrupted: %w", context.Cause(ctx))
		}
	}
}

func (s *show) headline() string {
	return fmt.Sprintf("%d callers, %d calls, %d failed", s.callers, s.load.calls.Load(), s.load.failed.Load())
}
