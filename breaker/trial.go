package breaker

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/go-kit/kit/endpoint"
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

// try makes a call that is a probe.
func (n *node) try(ctx context.Context, request any, next endpoint.Endpoint, gt *gate) (any, error) {
	p, start := &probe{gate: gt}, n.startTime(gt)
	limited, cancel := context.WithTimeoutCause(ctx, gt.set.probeTimeout, errProbeDeadline)
	defer cancel()
	stop := context.AfterFunc(limited, func() {
		n.settle(p, gt.set.classify(limited, nil, limited.Err()), context.Cause(limited))
	})
	defer stop()
	// Deferred last, so it runs first; it is without effect unless next or the
	// Classifier panicked.
	defer n.settle(p, Failure, ErrPanicked)
	callCtx := limited
	if gt.observed {
		callCtx = ctx // observing shortens no call
	}
	response, err := next(callCtx, request)
	o, cause := gt.set.classify(limited, response, err), err
	n.tally.add(o)
	if slow := gt.set.slow; o == Success && slow > 0 && n.group.clock()-start > int64(slow) {
		o, cause = Failure, errSlowProbe
	}
	n.settle(p, o, cause)
	return response, err
}

// settle ends a probe, once.
func (n *node) settle(p *probe, o Outcome, cause error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if p.settled {
		return
	}
	p.settled = true
	t := p.gate.trial
	if n.ended || n.gate.Load().trial != t {
		n.tally.late++
		return
	}
	now := time.Now()
	switch o {
	case Neutral:
		t.leave()
	case Failure:
		n.latches.extend(now.Add(n.pace.next(n.set, now, false)), cause)
		n.turn(now, Open, ReasonProbeFailed, cause)
	case Success:
		n.conns.ready()
		n.suspect.Store(false)
		if t.good++; t.good == t.need {
			n.close(now, ReasonProbeSucceeded)
		}
	}
}
