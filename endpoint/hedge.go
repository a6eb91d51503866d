package endpoint

import (
	"context"
	"slices"
	"time"

	"github.com/muxkit/muxkit/muxpool/verdict"
)

// errExited: an endpoint ended its goroutine instead of returning.
var errExited error = &sentinel{"muxendpoint: the endpoint called runtime.Goexit", broken}

// hedging is a call whose attempts may overlap. The caller's goroutine owns it,
// starts the attempts, each in a goroutine of its own, and receives the result of
// every one of them before it returns: none outlives the call.
type hedging struct {
	*call
	ended   chan *flight // unbuffered
	flights []*flight    // attempts that were not received, in the order in which they began
	silence *time.Timer  // since an attempt began
	alone   bool         // no attempt is to begin beside another
}

// flight is an attempt under way, and then how it ended.
type flight struct {
	attempt
	cancel context.CancelCauseFunc

	// Written by its goroutine, before it is sent to ended.
	response any
	err      error
	panicked *PanicError // nil if it did not panic
}

// hedged is run with a further attempt whenever none has answered for a while. It goes on
// with a copy, so that the calls that are not hedged stay off the heap.
func (c *call) hedged() (any, error) {
	own := *c
	h := hedging{call: &own, ended: make(chan *flight), silence: time.NewTimer(forEver)}
	defer h.join()
	defer h.silence.Stop()
	if err := h.start(); err != nil {
		return nil, err
	}
	return h.loop()
}

// loop starts attempts, and receives how they end, until the call does.
func (h *hedging) loop() (any, error) {
	for {
		select {
		case <-h.silence.C:
			h.hedge()
			h.silence.Reset(h.patience())
		case f := <-h.ended:
			slower := h.land(f)
			if f.err == nil {
				overtake(slower)
				return f.response, nil
			}
			h.note(&f.attempt, f.err)
			switch {
			case h.last.Definitive(): // an answer as well
				overtake(slower)
				return h.outcome(len(h.failures) - 1)
			case len(h.flights) > 0:
				continue // the call is left to them
			}
			h.giveBack()
			if err := h.again(); err != nil {
				return nil, err
			}
			if err := h.start(); err != nil {
				return nil, err
			}
		}
	}
}

// start begins an attempt.
func (h *hedging) start() error {
	t, err := h.begin()
	if err != nil {
		return err
	}
	h.launch(t)
	h.silence.Reset(h.patience())
	return nil
}

// patience is how long the attempts under way are left alone: for the delay of WithHedging,
// or the share of time of one of them.
func (h *hedging) patience() time.Duration {
	d := forEver
	if h.hedgeAfter > 0 {
		d = h.hedgeAfter
	}
	if h.nodes == nil {
		return d
	}
	left, _ := h.left()
	if share := h.share(h.number, left); share > 0 {
		d = min(d, max(share, time.Millisecond))
	}
	return d
}

// hedge begins a further attempt beside those that run, if there is another node
// for it, an attempt left, and both the budget and the peers allow it.
func (h *hedging) hedge() {
	if h.alone || len(h.flights) == 0 || h.number >= h.max || h.noRetry {
		return
	}
	t, err := h.choose()
	if err != nil {
		return
	}
	been, _ := h.tried.has(t.node())
	if h.nodes != nil && been || !h.budget.withdraw() {
		h.number--
		t.leave()
		return
	}
	t.hedge = true
	h.launch(t)
}

func (h *hedging) launch(t attempt) {
	ctx, cancel := context.WithCancelCause(h.ctx)
	f := &flight{attempt: t, cancel: cancel, err: errExited}
	h.flights = append(h.flights, f)
	h.tried = append(h.tried, visit{node: t.node()})
	request, ended := h.request, h.ended
	deadline := earlier(ctx, h.deadline, h.perTry)
	go func() {
		defer func() {
			if v := recover(); v != nil {
				f.panicked = newPanicError(v)
			}
			ended <- f
		}()
		f.response, f.err = f.run(ctx, request, deadline)
	}()
}

// land takes an attempt that has ended from those under way, and returns those of them
// that began before it. A panic of the attempt goes on here.
func (h *hedging) land(f *flight) (before []*flight) {
	f.cancel(nil) // frees what it holds
	i := slices.Index(h.flights, f)
	h.flights = slices.Delete(h.flights, i, i+1)
	f.rethrow()
	return h.flights[:i]
}

// overtake ends attempts that began before the one that has the answer: that their
// nodes were slower is known, so that load moves off them, and the cause of their end
// tells it to their breakers.
func overtake(flights []*flight) {
	for _, f := range flights {
		f.cancel(verdict.ErrOvertaken)
		if f.to != nil {
			f.to.member.weight.halve()
		}
	}
}

// outcome ends the attempts that run beside the one that ended the call with a failure, and
// returns what the call does: what they may have done counts as well, and a success is
// better than any failure. decisive is the index of that failure.
func (h *hedging) outcome(decisive int) (any, error) {
	h.cancel()
	for len(h.flights) > 0 {
		f := <-h.ended
		h.land(f)
		if f.err == nil {
			return f.response, nil
		}
		h.note(&f.attempt, f.err)
	}
	last := h.failures[decisive]
	h.failures = append(slices.Delete(h.failures, decisive, decisive+1), last)
	return nil, h.giveUp(GaveUpNotRetryable, nil)
}

// cancel ends the attempts under way.
func (h *hedging) cancel() {
	for _, f := range h.flights {
		f.cancel(nil)
	}
}

// join ends the attempts that nobody waits for and receives them, all of them before a
// panic among them goes on.
func (h *hedging) join() {
	h.cancel()
	var panicked *flight
	for range h.flights {
		if f := <-h.ended; f.panicked != nil {
			panicked = f
		}
	}
	h.flights = nil
	if panicked != nil {
		panicked.rethrow()
	}
}

// rethrow continues an endpoint's panic in the goroutine of its caller.
func (f *flight) rethrow() {
	if f.panicked != nil {
		panic(f.panicked)
	}
}
