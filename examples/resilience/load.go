package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// phase is a part of a round that is summed up on its own.
type phase int32

const (
	before phase = iota // all nodes are well
	during              // one is sick
	after               // it is well again
	phases
)

var phaseNames = [phases]string{"before", "during", "after"}

// pause is a caller's, from the begin of a call to that of the next.
const pause = 8 * time.Millisecond

// result is what a caller saw of one call.
type result struct {
	put   bool  // it was not idempotent
	phase phase // when it began
	took  time.Duration
	err   error
}

// load is a number of callers that make calls until they are stopped.
type load struct {
	client *client
	phase  *atomic.Int32

	cancel  context.CancelFunc
	callers sync.WaitGroup
	results [][]result // of each caller, who owns it until it has ended
}

func startLoad(c *client, callers int, phase *atomic.Int32) *load {
	ctx, cancel := context.WithCancel(context.Background())
	l := &load{client: c, phase: phase, cancel: cancel, results: make([][]result, callers)}
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
	return all
}

// run makes calls, every fourth of which is a put.
func (l *load) run(ctx context.Context, caller int) {
	turn := time.NewTicker(pause)
	defer turn.Stop()
	for i := caller; ctx.Err() == nil; i++ {
		select {
		case <-turn.C:
			l.results[caller] = append(l.results[caller], l.call(i%4 == 3))
		case <-ctx.Done():
		}
	}
}

// call makes one call under a deadline of its own: stopping the load cuts none.
func (l *load) call(put bool) result {
	ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
	defer cancel()
	r := result{put: put, phase: phase(l.phase.Load())}
	method := l.client.get
	if put {
		method = l.client.put
	}
	asked, begin := nonce(), time.Now()
	answer, err := method(ctx, asked)
	r.took, r.err = time.Since(begin), err
	if err == nil && !bytes.Equal(answer, asked) {
		r.err = errWrongAnswer
	}
	return r
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
