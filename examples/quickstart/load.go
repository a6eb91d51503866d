package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/muxkit/muxkit/examples/quickstart/addsvc"
	"github.com/muxkit/muxkit/muxpool/deadline"
)

// phase is a part of the run that is summed up on its own.
type phase int32

const (
	before phase = iota // all nodes live
	during              // from the kill until the breaker has closed again
	after               // the node is back
	phases
)

var phaseNames = [phases]string{"before", "during", "after"}

func (p phase) String() string { return phaseNames[p] }

const (
	pause       = 4 * time.Millisecond // a caller's, between two calls
	callTimeout = 2 * time.Second
)

// result is what a caller saw of one call.
type result struct {
	phase phase // when it began
	took  time.Duration
	err   error
}

// load is a number of callers that make calls until they are stopped.
type load struct {
	client *client
	phase  atomic.Int32
	calls  atomic.Int64
	failed atomic.Int64
	wrong  atomic.Int64 // answers that do not fit their call

	cancel  context.CancelFunc
	callers sync.WaitGroup
	results [][]result // of each caller, who owns it until it has ended
}

func startLoad(c *client, callers int) *load {
	ctx, cancel := context.WithCancel(context.Background())
	l := &load{client: c, cancel: cancel, results: make([][]result, callers)}
	for i := range callers {
		l.callers.Go(func() { l.run(ctx, i) })
	}
	return l
}

// stop lets every caller finish its call and returns what they all saw.
func (l *load) stop() []result {
	l.cancel()
	l.callers.Wait()
	var all []result
	for _, r := range l.results {
		all = append(all, r...)
	}
	l.results = nil
	return all
}

func (l *load) run(ctx context.Context, caller int) {
	turn := time.NewTicker(pause)
	defer turn.Stop()
	for i := caller; ; i++ {
		select {
		case <-turn.C:
			l.results[caller] = append(l.results[caller], l.call(i))
		case <-ctx.Done():
			return
		}
	}
}

// call makes one call, to either method in turn, under a deadline of its own.
func (l *load) call(i int) result {
	ctx, cancel := deadline.WithTimeout(context.Background(), callTimeout) // cheaper than package context's
	defer cancel()
	r := result{phase: phase(l.phase.Load())}
	begin := time.Now()
	if i%2 == 0 {
		r.err = l.sum(ctx)
	} else {
		r.err = l.concat(ctx)
	}
	r.took = time.Since(begin)
	l.calls.Add(1)
	switch {
	case errors.Is(r.err, errWrongAnswer):
		l.wrong.Add(1)
	case r.err != nil:
		l.failed.Add(1)
	}
	return r
}

// errWrongAnswer is an answer that belongs to another call.
var errWrongAnswer = errors.New("the answer does not fit the call")

// The operands are drawn at random, so that the answer to another call does not
// pass for the right one.

func (l *load) sum(ctx context.Context) error {
	a, b := rand.IntN(1<<61), rand.IntN(1<<61)
	resp, err := l.client.sum(ctx, addsvc.SumRequest{A: a, B: b})
	if err != nil {
		return err
	}
	return errors.Join(resp.Failed(), compare(resp.V, a+b))
}

func (l *load) concat(ctx context.Context) error {
	a, b := fmt.Sprintf("%016x", rand.Uint64()), fmt.Sprintf("%016x", rand.Uint64())
	resp, err := l.client.concat(ctx, addsvc.ConcatRequest{A: a, B: b})
	if err != nil {
		return err
	}
	return errors.Join(resp.Failed(), compare(resp.V, a+b))
}

func compare[T comparable](got, want T) error {
	if got != want {
		return fmt.Errorf("%w: got %v, want %v", errWrongAnswer, got, want)
	}
	return nil
}
