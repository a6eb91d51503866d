package breaker

import (
	"errors"
	"sync/atomic"
)

// errProbeDeadline is the cause of a probe's context at its deadline.
var errProbeDeadline = errors.New("breaker: the probe did not end by its deadline")

var errSlowProbe = errors.New("breaker: the probe succeeded, too slowly for SlowCalls")

// ErrPanicked is the Cause when a call panicked (or ended its goroutine).
var ErrPanicked = errors.New("breaker: the call panicked")

// trial is one half-open period: as many calls as are needed to close the node
// get a slot, and no more. A slot comes back from a probe that was neutral.
type trial struct {
	free atomic.Int32 // slots
	need int32        // successes that close the node
	good int32        // successes; the node's mu guards it
}

func newTrial(n int) *trial {
	t := &trial{need: int32(n)}
	t.free.Store(t.need)
	return t
}

// enter takes a slot, if there is one.
func (t *trial) enter() bool {
	for {
		n := t.free.Load()
		if n <= 0 {
			return false
		}
		if t.free.CompareAndSwap(n, n-1) {
			return true
		}
	}
}

func (t *trial) leave() { t.free.Add(1) }

// probe is one call or one run of a Prober that tries a node out. The first to
// settle it, its end or its deadline, decides.
type probe struct {
	gate    *gate
	settled bool // the node's mu guards it
}
