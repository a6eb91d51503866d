package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"time"
)

// play is what the flags say is to be played.
type play struct {
	setting
	scenes     sceneList
	plan, stay bool
	dir        string
	out        io.Writer
}

// tell says what would be played.
func (p *play) tell() {
	fmt.Fprintf(p.out, "etcd of %d members, %d nodes, %d clients, in two zones, each a process; %d calls a second, one of %d not idempotent;\n"+
		"of the clients of a zone one prefers its nodes\n",
		members, 2*nodesOfAZone, 2*clientsOfAZone, 2*clientsOfAZone*p.rate, payEvery)
	for _, s := range p.scenes {
		fmt.Fprintf(p.out, "%-9s %s\n", s.name, s.what)
	}
}

// run starts all, plays the scenes, and prints what became of the calls. Its error says which promises were
// broken, or why nothing could be shown.
func (p *play) run(ctx context.Context) (err error) {
	if p.dir == "" {
		if p.dir, err = os.MkdirTemp("", "cluster-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(p.dir)) }()
	}
	if err := os.MkdirAll(p.dir, 0o700); err != nil {
		return err
	}
	began := time.Now()
	c, err := build(p.dir, p.setting)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.end()) }()
	p.say(c)
	if err := c.settled(ctx); err != nil {
		return err
	}
	err = p.playAll(ctx, c)
	fmt.Fprintf(p.out, "%.0f s\n", time.Since(began).Seconds())
	if p.stay && ctx.Err() == nil {
		err = errors.Join(err, p.idle(ctx, c))
	}
	return err
}

// say says where everything is.
func (p *play) say(c *cluster) {
	for _, all := range [][]*process{c.members, c.nodes, c.clients} {
		for _, one := range all {
			fmt.Fprintf(p.out, "%-15s %-6s pid %-7d ", one.name, one.zone.name, one.cmd.Process.Pid)
			if one.what == actClient {
				fmt.Fprintf(p.out, "its page: http://%s/%s\n", one.address, map[bool]string{true: "  it prefers its zone"}[one.prefers])
			} else {
				fmt.Fprintf(p.out, "at %s\n", one.address)
			}
		}
	}
	if c.partable != nil {
		fmt.Fprintf(p.out, "the zones share a network, and are not parted: %v\n", c.partable)
	}
	fmt.Fprintf(p.out, "files: %s\n", p.dir)
}

// attempts bounds how often a scene is played until it proves something.
const attempts = 3

func (p *play) playAll(ctx context.Context, c *cluster) error {
	var errs []error
	var outcomes []*outcome
	for _, s := range p.scenes {
		if s.parts && c.partable != nil {
			fmt.Fprintf(p.out, "%s: LEFT OUT, since the zones cannot be parted: %v\n", s.name, c.partable)
			continue
		}
		fmt.Fprintf(p.out, "%s: %s\n", s.name, s.what)
		o, err := playScene(ctx, c, s)
		for i := 1; err == nil && !o.proves() && i < attempts; i++ {
			fmt.Fprintf(p.out, "%s: calls were made up to %v late, so that this try proves nothing: %v\n", s.name, o.late, o.broken())
			o, err = playScene(ctx, c, s)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", s.name, err))
			break
		}
		outcomes = append(outcomes, o)
		errs = append(errs, o.broken())
	}
	printTable(p.out, outcomes)
	return errors.Join(errs...)
}

// playScene plays a scene under load.
func playScene(ctx context.Context, c *cluster, s scene) (*outcome, error) {
	o := &outcome{scene: s, atFirst: len(c.nodes)}
	if err := c.load(ctx); err != nil {
		return nil, err
	}
	err := s.play(ctx, c, o)
	clients, stopped := c.unload()
	if err := errors.Join(err, stopped); err != nil {
		return nil, err
	}
	o.clients = clients
	o.unclean, c.unclean = c.unclean, nil
	o.zoneOf = maps.Clone(c.zoneOf)
	for _, n := range c.nodes {
		o.atLast = append(o.atLast, n.address)
	}
	if o.ran, err = ranOnce(c.ledger()); err != nil {
		return nil, err
	}
	o.sumUp()
	return o, nil
}

// idle makes calls until ctx ends.
func (p *play) idle(ctx context.Context, c *cluster) error {
	fmt.Fprintln(p.out, "until Ctrl-C; clients go on calling")
	if err := c.load(ctx); err != nil {
		return err
	}
	<-ctx.Done()
	_, err := c.unload()
	return err
}

// load has the clients make calls, and waits for the first.
func (c *cluster) load(ctx context.Context) error {
	return errors.Join(atOnce(c.clients, func(p *process) error { return p.ask("start", nil) }), c.called(ctx, 1))
}

// unload has the clients stop, and returns what became of their calls.
func (c *cluster) unload() (all []calling, err error) {
	all = make([]calling, len(c.clients))
	for i, p := range c.clients {
		all[i].zone, all[i].prefers = p.zone.name, p.prefers
		err = errors.Join(err, p.ask("stop", &all[i].phases))
	}
	return all, err
}

const tableLine = "%-9s %-10s %6v %6v  %8v %11v %10v %6v %6v %8v\n"

// printTable prints outcomes. Who has left are calls of clients that prefer their zone.
func printTable(w io.Writer, outcomes []*outcome) {
	fmt.Fprintf(w, tableLine, "", "", "calls", "lost", "not run", "out of time", "maybe run", "wrong", "twice", "has left")
	for _, o := range outcomes {
		for _, t := range []struct {
			method string
			*tally
		}{{read, &o.reads}, {pay, &o.pays}} {
			fmt.Fprintf(w, tableLine, o.scene.name, t.method, t.calls(), t.lost(), t.fates[notRun], t.fates[overdue], t.fates[maybeRun],
				t.fates[wrong], t.twice, t.left)
		}
	}
}
