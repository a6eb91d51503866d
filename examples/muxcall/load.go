package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/muxkit/muxkit/transport"
)

// load is an open loop: calls are due by a timetable that knows nothing of answers, as
// those of users who do not know each other are. What a call takes counts from when it was
// due, also if no caller was free or this process was late, so that a slow answer does not
// take the calls behind it out of the figures (coordinated omission).
//
// There is no queue: the one that paces hands each call to a caller that is free, or waits
// for one, so memory depends on the number of callers alone.
type load struct {
	callers  int
	duration time.Duration
	patience time.Duration // after the last call was due: what was not begun by then is given up
	call     func(context.Context) error
	sleep    func(time.Duration)

	sum   tally
	mu    sync.Mutex // guards late
	late  histogram  // how long after it was due a call began
	start time.Time
}

// maxPace is how soon an interrupt is noticed.
const maxPace = 50 * time.Millisecond

// run makes the calls, and returns once the last has ended.
func (l *load) run(ctx context.Context, due func() time.Duration) {
	l.start = time.Now()
	calls := make(chan time.Time)
	var wg sync.WaitGroup
	for range l.callers {
		wg.Go(func() {
			for at := range calls {
				l.once(ctx, at)
			}
		})
	}
	l.pace(ctx, due, calls)
	close(calls)
	wg.Wait()
}

// once makes the call that was due at that time.
func (l *load) once(ctx context.Context, at time.Time) {
	late := time.Since(at)
	err := l.call(ctx)
	took := time.Since(at)
	if err != nil && ctx.Err() != nil {
		return // it was interrupted, and tells nothing
	}
	l.sum.add(took, err)
	l.mu.Lock()
	l.late.add(late)
	l.mu.Unlock()
}

// pace hands out the calls, each when it is due.
func (l *load) pace(ctx context.Context, due func() time.Duration, calls chan<- time.Time) {
	end := time.NewTimer(l.duration + l.patience)
	defer end.Stop()
	for after := due(); after < l.duration; after = due() {
		at := l.start.Add(after)
		for wait := time.Until(at); wait > 0; wait = time.Until(at) {
			if l.sleep(min(wait, maxPace)); ctx.Err() != nil {
				return
			}
		}
		select {
		case calls <- at:
		case <-ctx.Done():
			return
		case <-end.C:
			for ; after < l.duration; after = due() {
				l.sum.neverMade(l.duration + l.patience - after)
			}
			return
		}
	}
}

// timetable returns a function that says when the next call is due, since the start: at
// random, independently of the others (a Poisson process), and the same in every run.
func timetable(rate int) func() time.Duration {
	gap := float64(time.Second) / float64(rate)
	rng := rand.New(rand.NewPCG(1, uint64(rate)))
	var next float64
	return func() time.Duration {
		next += rng.ExpFloat64() * gap
		return time.Duration(next)
	}
}

// runLoad is muxcall with -rate. The answers are dropped.
func runLoad(ctx context.Context, c *config, client *transport.Client, s streams) (int, error) {
	if err := connect(ctx, c, client); err != nil {
		explain(s, err, &c.target)
		return ended(ctx, exitCode(err)), nil
	}
	call := client.Endpoint()
	sleep, done := newSleeper()
	defer done()
	l := &load{callers: c.callers, duration: c.duration, patience: c.timeout, sleep: sleep,
		call: func(ctx context.Context) error {
			_, err := call(ctx, c.body)
			return err
		}}
	l.run(ctx, timetable(c.rate))
	note := fmt.Sprintf("latency counts from when a call was due, at %d/s", c.rate)
	if c.oneWay {
		note += ", until the kernel had the request: nothing tells whether it arrived"
	}
	l.sum.report(s.err, time.Since(l.start), note)
	writeQuantiles(s.err, "began late", &l.late)
	c.seeOff(ctx, client, s, l.sum.good.count > 0)
	if ctx.Err() != nil {
		return exitInterrupted, nil
	}
	return l.sum.exit, nil
}

// connect makes a connection, without a call, so that its making is in no figure and a node
// that is not there is told at once.
func connect(ctx context.Context, c *config, client *transport.Client) error {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	if answered, err := client.Probe(ctx); err != nil && !answered {
		return err
	}
	return nil
}
