package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// play is what the flags say is to be played.
type play struct {
	scenes   sceneList
	rate     int
	timeout  time.Duration // of a call
	stop     time.Duration
	settle   time.Duration
	duration time.Duration
	dir      string
	traces   string
	out      io.Writer
}

func (p *play) check() error {
	return errors.Join(
		unless(p.rate >= 10 && p.rate <= 5000, "-rate=%d is not from 10 to 5000", p.rate),
		unless(p.timeout >= 100*time.Millisecond && p.timeout <= time.Minute, "-timeout=%v is not from 100ms to 1m", p.timeout),
		unless(p.stop >= 100*time.Millisecond && p.stop <= time.Minute, "-stop=%v is not from 100ms to 1m", p.stop),
		unless(p.settle >= 100*time.Millisecond && p.settle <= time.Minute, "-settle=%v is not from 100ms to 1m", p.settle),
		unless(p.duration >= 0, "-duration=%v is negative", p.duration),
		unless(p.traces == "memory" || p.traces == "files", "-traces=%q is neither memory nor files", p.traces))
}

// tell says what would be played.
func (p *play) tell() {
	fmt.Fprintf(p.out, "%d shops, %d orders and %d of stock, each a process; %d calls a second, one of %d a purchase\n",
		sizes[shop], sizes[orders], sizes[stock], p.rate, buyEvery)
	for _, s := range scenes {
		fmt.Fprintf(p.out, "%-8s %s\n", s.name, s.what)
	}
}

// run starts all, plays the scenes, or makes calls until ctx ends, and prints what became of them.
// Its error says which promises were broken, or why nothing could be shown.
func (p *play) run(ctx context.Context) (err error) {
	if p.dir == "" {
		if p.dir, err = os.MkdirTemp("", "shop-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(p.dir)) }()
	}
	t, err := buildTown(p.dir, p.traces, p.timeout+10*time.Second) // longer than any call may take
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.end()) }()
	l, err := newLoad(p.dir, p.timeout)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.close()) }()
	p.say(t)
	if len(p.scenes) == 0 {
		return p.idle(ctx, l)
	}
	return p.playAll(ctx, t, l)
}

// say says where everything is.
func (p *play) say(t *town) {
	fmt.Fprintf(p.out, "%-7s %6s  %-21s  a page for operators (metrics: /metrics; probes: /readyz)\n", "", "pid", "serves at")
	for _, n := range t.all() {
		fmt.Fprintf(p.out, "%-7s %6d  %-21s  http://%s/debug/mux\n", n.service, n.cmd.Process.Pid, n.address, n.ops)
	}
	fmt.Fprintf(p.out, "files: %s\n%d calls a second\n", p.dir, p.rate)
}

// attempts bounds how often a scene is played until it proves something.
const attempts = 3

func (p *play) playAll(ctx context.Context, t *town, l *load) error {
	var outcomes []*outcome
	for _, s := range p.scenes {
		fmt.Fprintf(p.out, "%s: %s\n", s.name, s.what)
		o, err := p.playScene(ctx, t, l, s)
		for i := 1; err == nil && !o.proves() && i < attempts; i++ {
			fmt.Fprintf(p.out, "%s: calls were made up to %v late, so that this try proves nothing: %v\n", s.name, max(o.look.late, o.buy.late), o.broken())
			o, err = p.playScene(ctx, t, l, s)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		outcomes = append(outcomes, o)
	}
	printTable(p.out, outcomes)
	var errs []error
	for _, o := range outcomes {
		errs = append(errs, o.broken())
	}
	return errors.Join(errs...)
}

// playScene plays a scene under load.
func (p *play) playScene(ctx context.Context, t *town, l *load, s scene) (*outcome, error) {
	var mu sync.Mutex // guards o
	o := newOutcome(s)
	calling, end := context.WithCancel(ctx)
	defer end()
	var loads sync.WaitGroup
	loads.Go(func() {
		l.run(calling, p.rate, func(r result) {
			mu.Lock()
			defer mu.Unlock()
			o.add(r)
		})
	})
	err := sleep(ctx, p.settle)
	if err == nil {
		err = s.play(ctx, t, *p)
	}
	if err == nil {
		err = sleep(ctx, p.settle)
	}
	end()
	loads.Wait()
	if err != nil {
		return nil, err
	}
	o.unclean = t.unclean()
	sold, err := t.sold()
	o.buy.check(sold)
	return o, err
}

// idle makes calls, and says now and then what becomes of them.
func (p *play) idle(ctx context.Context, l *load) error {
	if p.duration > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, p.duration)
		defer cancel()
	}
	var mu sync.Mutex // guards o
	o := newOutcome(scene{name: "now"})
	var loads sync.WaitGroup
	loads.Go(func() {
		l.run(ctx, p.rate, func(r result) {
			mu.Lock()
			defer mu.Unlock()
			o.add(r)
		})
	})
	for sleep(ctx, 5*time.Second) == nil {
		mu.Lock()
		last := o
		o = newOutcome(last.scene)
		mu.Unlock()
		printTable(p.out, []*outcome{last})
	}
	loads.Wait()
	printTable(p.out, []*outcome{o})
	return nil
}

func newOutcome(s scene) *outcome {
	return &outcome{scene: s, look: newTally(look), buy: newTally(buy)}
}

func (o *outcome) add(r result) {
	if r.method == look {
		o.look.add(r)
		return
	}
	o.buy.add(r)
}

const tableLine = "%-8s %-5s %6v %6v  %8v %11v %10v %6v %6v  %8v %8v %8v\n"

// printTable prints outcomes.
func printTable(w io.Writer, outcomes []*outcome) {
	fmt.Fprintf(w, tableLine, "", "", "calls", "lost", "not run", "out of time", "maybe run", "wrong", "twice", "p50", "p99", "max")
	for _, o := range outcomes {
		for _, t := range []*tally{&o.look, &o.buy} {
			fmt.Fprintf(w, tableLine, o.scene.name, t.method, t.calls(), t.lost(), t.fates[notRun], t.fates[overdue], t.fates[maybeRun],
				t.fates[wrong], t.twice, ms(t.at(50)), ms(t.at(99)), ms(t.at(100)))
		}
	}
}

func ms(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond)) }
