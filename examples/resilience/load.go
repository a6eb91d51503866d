package main

import (
	"bytes"
	"cmp"
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
	caller int           // index
	phase  phase         // when it was due
	late   time.Duration // how long after it was due it was made
	took   time.Duration // since it was due
	ended  time.Time
	err    error
}

// load makes calls at fixed rates, as many independent callers do: that some wait
// for a sick node does not keep the others from calling.
type load struct {
	client  *client
	callers []caller
	phase   *atomic.Int32

	cancel context.CancelFunc
	calls  sync.WaitGroup // and those that make them

	mu      sync.Mutex // guards results; nothing is called under it
	results []result
}

// startLoad has the callers call, at rate calls a second where they make 100 percent.
func startLoad(c *client, callers []caller, rate float64, phase *atomic.Int32) *load {
	ctx, cancel := context.WithCancel(context.Background())
	l := &load{client: c, callers: callers, phase: phase, cancel: cancel}
	for i, who := range callers {
		every := time.Duration(float64(time.Second) * 100 / rate / float64(who.percent))
		l.calls.Go(func() { l.run(ctx, i, every) })
	}
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

// run makes a caller's calls. When it is late it catches up.
func (l *load) run(ctx context.Context, caller int, every time.Duration) {
	for due := time.Now(); sleep(ctx, time.Until(due)) == nil; due = due.Add(every) {
		l.calls.Go(func() { l.call(caller, due) })
	}
}

// call makes one call under a deadline of its own: stopping the load cuts none.
func (l *load) call(caller int, due time.Time) {
	r := result{caller: caller, phase: phase(l.phase.Load()), late: time.Since(due)}
	r.err = l.callers[caller].call(l.client)
	r.ended = time.Now()
	r.took = r.ended.Sub(due)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.results = append(l.results, r)
}

func (c caller) call(client *client) error {
	ctx, cancel := deadline.WithTimeout(context.Background(), cmp.Or(c.timeout, callTimeout)) // cheaper than package context's
	defer cancel()
	user := client.users[good]
	if c.stranger {
		user = client.users[bad]
	}
	request := nonce
	if c.request != nil {
		request = c.request
	}
	asked := request()
	answer, err := user[c.method](withToken(ctx, cmp.Or(c.token, goodToken)), asked)
	if err == nil && !bytes.Equal(answer, asked) {
		err = errWrongAnswer
	}
	return err
}

// errWrongAnswer is an answer that belongs to another call.
var errWrongAnswer = errors.New("the answer does not fit the call")

// nonce is drawn at random, so that the answer to another call does not pass for
// the right one.
func nonce() []byte {
	b := make([]byte, keySize)
	_, _ = rand.Read(b) // never fails
	return b
}
