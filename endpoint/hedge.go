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
	ctx     context.Context // ends when the call has its answer
	results chan result     // unbuffered
	flights []*flight       // attempts whose result was not received, in the order in which they began
	silence *time.Timer     // since an attempt began
}

// flight is an attempt under way.
type flight struct {
	try
	cancel context.CancelCauseFunc
}

// result is how an attempt ended.
type result struct {
	*flight
	response any
	err      error
	panicked *PanicError // nil if it did not panic
}

// runHedged is run with a further attempt whenever none has answered for a while.
// It takes a copy, so that the calls that are not hedged stay off the heap.
func (c call) runHedged() (any, error) {
	ctx, cancel := context.WithCancel(c.ctx)
	h := hedging{call: &c, ctx: ctx, results: make(chan result), silence: time.NewTimer(c.hedgeAfter)}
	defer h.join() // after cancel
	defer cancel()
	defer h.silence.Stop()
	if err := h.start(); err != nil {
		return nil, err
	}
	for {
		select {
		case <-h.silence.C:
			h.hedge()
			h.silence.Reset(c.hedgeAfter)
		case r := <-h.results:
			earlier := h.land(r)
			if r.err == nil {
				overtake(earlier)
				return r.response, nil
			}
			h.note(r.try, r.err)
			switch {
			case h.last.Definitive(): // an answer as well
				overtake(earlier)
				cancel()
				return h.outcome(h.failures[len(h.failures)-1])
			case len(h.flights) > 0:
				continue // the call is left to them
			}
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
	h.silence.Reset(h.hedgeAfter)
	return nil
}

// hedge begins a further attempt beside those that run, if there is another node
// for it, an attempt left, and both the budget and the peers allow it.
func (h *hedging) hedge() {
	if len(h.flights) == 0 || h.number >= h.max || h.noRetry {
		return
	}
	t, err := h.choose()
	if err != nil {
		return
	}
	been, _ := h.tried.has(t.node)
	if h.nodes != nil && been || !h.budget.withdraw() {
		h.number--
		t.leave()
		return
	}
	t.hedge = true
	h.launch(t)
}

func (h *hedging) launch(t try) {
	ctx, cancel := context.WithCancelCause(h.ctx)
	f := &flight{try: t, cancel: cancel}
	h.flights = append(h.flights, f)
	h.tried = append(h.tried, visit{node: t.node})
	request, results := h.request, h.results
	deadline := earlier(ctx, h.deadline, h.perTry)
	go func() {
		r := result{flight: f, err: errExited}
		defer func() {
			if v := recover(); v != nil {
				r.panicked = newPanicError(v)
			}
			results <- r
		}()
		r.response, r.err = t.run(ctx, request, deadline)
	}()
}

// land takes an attempt that has ended from those under way, and returns those of them
// that began before it. A panic of the attempt goes on here.
func (h *hedging) land(r result) (earlier []*flight) {
	r.cancel(nil) // frees what it holds
	i := slices.Index(h.flights, r.flight)
	h.flights = slices.Delete(h.flights, i, i+1)
	r.rethrow()
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

// outcome waits for the attempts that run beside the one that ended the call with a
// failure, and returns what the call does: what they may have done counts as well, and
// a success is better than any failure.
func (h *hedging) outcome(last Failure) (any, error) {
	for len(h.flights) > 0 {
		r := <-h.results
		h.land(r)
		if r.err == nil {
			return r.response, nil
		}
		h.note(r.try, r.err)
	}
	i := slices.Index(h.failures, last)
	h.failures = append(slices.Delete(h.failures, i, i+1), last)
	return nil, h.giveUp(GaveUpNotRetryable, nil)
}

// join receives the results that nobody waits for, all of them before a panic among
// them goes on. The attempts' context has ended.
func (h *hedging) join() {
	var panicked result
	for range h.flights {
		if r := <-h.results; r.panicked != nil {
			panicked = r
		}
	}
	h.flights = nil
	panicked.rethrow()
}

// rethrow continues an endpoint's panic in the goroutine of its caller.
func (r *result) rethrow() {
	if r.panicked != nil {
		panic(r.panicked)
	}
}
