package otelmux

import (
	"sync"
	"time"

	muxendpoint "github.com/muxkit/muxkit/endpoint"
)

// retryKinds are the values of muxkit.retry.kind: an attempt that was paid for, and one
// that costs nothing, since the one before it was not sent. gRPC's proposal A96 has them as
// grpc.client.call.retries and transparent_retries.
var retryKinds = [...]string{"retry", "transparent"}

const (
	paid = iota
	transparent
)

// tallyKey is the key under which the context of a call's attempts has its *tally.
type tallyKey struct{}

// tally counts the attempts of one call, which may overlap.
type tally struct {
	mu sync.Mutex // guards the rest
	counts
	number int       // the highest so far
	active int       // attempts under way
	idle   time.Time // since when there are none
}

// counts are what a tally has come to.
type counts struct {
	attempts int
	retries  [len(retryKinds)]int64
	hedges   int64
	delay    time.Duration // without an attempt under way, between attempts
}

// begin counts an attempt that begins.
func (t *tally) begin(a muxendpoint.Attempt) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case a.Hedge:
		t.hedges++
	case t.attempts == 0:
	case a.Number <= t.number:
		t.retries[transparent]++
	default:
		t.retries[paid]++
	}
	if t.active == 0 && t.attempts > 0 {
		t.delay += time.Since(t.idle)
	}
	t.attempts++
	t.active++
	t.number = max(t.number, a.Number)
}

// left counts an attempt that ended.
func (t *tally) left() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.active--; t.active == 0 {
		t.idle = time.Now()
	}
}

func (t *tally) end() counts {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.counts
}
