package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/muxkit/muxkit/muxpool/deadline"
)

// phase is a part of a round that is summed up on its own.
type phase int32

const (
	before phase = iota // all nodes are well
	onset               // one is sick: the first half of that time
	later               // and the second, when its breaker should be open
	after               // it is well again
	phases
)

func (p phase) String() string {
	return [phases]string{"before", "sick, first half", "sick, second half", "after"}[p]
}

// result is what a caller saw of one call.
type result struct {
	put   bool          // it was not idempotent
	phase phase         // when it was due
	took  time.Duration // since it was due
	err   error
}

// load makes calls at a fixed rate, as many independent callers do: that some wait
// for a sick node does not keep the others from calling.
type load struct {
	client *client
	phase  *atomic.Int32

	cancel context.CancelFunc
	calls  sync.WaitGroup // and the one that makes them

	mu      sync.Mutex // guards results; nothing is called under it
	results []result
}

func startLoad(c *client, rate int, phase *atomic.Int32) *load {
	ctx, cancel := context.WithCancel(context.Background())
	l := &load{client: c, phase: phase, cancel: cancel}
	l.calls.Go(func() { l.run(ctx, time.Second/time.Duration(rate)) })
	return l
}

// stop lets every call end and returns what became of them all.
func (l *load) stop() []result {
	l.cancel()
	l.calls.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.results
}

// run makes calls, every fourth of which is a put. When it is late it catches up.
func (l *load) run(ctx context.Context, every time.Duration) {
	for i, due := 0, time.Now(); sleep(ctx, time.Until(due)) == nil; i, due = i+1, due.Add(every) {
		l.calls.Go(func() { l.call(i%4 == 3, due) })
	}
}

// call makes one call under a deadline of its own: stopping the load cuts none.
func (l *load) call(put bool, due time.Time) {
	ctx, cancel := deadline.WithTimeout(context.Background(), callTimeout) // cheaper than package context's
	defer cancel()
	r := result{put: put, phase: phase(l.phase.Load())}
	method := l.client.get
	if put {
		method = l.client.put
	}
	asked := nonce()
	answer, err := method(ctx, asked)
	r.took, r.err = time.Since(due), err
	if err == nil && !bytes.Equal(answer, asked) {
		r.err = errWrongAnswer
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.results = append(l.results, r)
}

// errWrongAnswer is an answer that belongs to another call.
var errWrongAnswer = errors.New("the answer does not fit the call")

// nonce is drawn at random, so that the answer to another call does not pass for
// the right one.
func nonce() []byte {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails
	return b
}
