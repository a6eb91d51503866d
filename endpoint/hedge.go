package endpoint

import (
	"context"
	"errors"
	"slices"
	"time"
)

// errExited: an endpoint ended its goroutine instead of returning.
var errExited = errors.New("muxendpoint: the endpoint called runtime.Goexit")

// hedging is a call whose attempts may overlap. The caller's goroutine owns it,
// starts the attempts, each in a goroutine of its own, and receives the result of
// every one of them before it returns: none outlives the call.
type hedging struct {
	*call
	ctx     context.Context // ends when the call has its answer
	results chan result     // unbuffered
	running int             // attempts whose result was not received
	silence *time.Timer     // since an attempt began
}

// result is how an attempt ended.
type result struct {
	try
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
			h.running--
			r.rethrow()
			if r.err == nil {
				return r.response, nil
			}
			if err := h.next(r); err != nil {
				return nil, err
			}
		}
	}
}

// next follows up on an attempt that failed. While others run, it leaves the
// call to them.
func (h *hedging) next(r result) error {
	passes := h.passes(r.try, r.err)
	if h.running > 0 {
		return nil
	}
	if !passes {
		if err := h.again(); err != nil {
			return err
		}
	}
	return h.start()
}

// start begins an attempt.
func (h *hedging) start() error {
	t, err := h.choose()
	if err != nil {
		return h.giveUp(GaveUpNoNode, err)
	}
	h.launch(t)
	h.silence.Reset(h.hedgeAfter)
	return nil
}

// hedge begins a further attempt beside those that run, if there is another node
// for it, an attempt left, and the budget allows it.
func (h *hedging) hedge() {
	if h.running == 0 || h.number >= h.max {
		return
	}
	t, err := h.choose()
	if err != nil {
		return
	}
	if h.nodes != nil && slices.Contains(h.avoid, t.node) || !h.budget.withdraw() {
		h.number--
		if t.gate != nil {
			t.gate.leave()
		}
		return
	}
	t.hedge = true
	h.launch(t)
}

func (h *hedging) launch(t try) {
	h.running++
	h.avoid = append(h.avoid, t.node)
	ctx, request, results := h.ctx, h.request, h.results
	deadline := earlier(ctx, h.deadline, h.perTry)
	go func() {
		r := result{try: t, err: errExited}
		defer func() {
			if v := recover(); v != nil {
				r.panicked = newPanicError(v)
			}
			results <- r
		}()
		r.response, r.err = t.run(ctx, request, deadline)
	}()
}

// join receives the results that nobody waits for. The attempts' context has
// ended.
func (h *hedging) join() {
	for ; h.running > 0; h.running-- {
		r := <-h.results
		r.rethrow()
	}
}

// rethrow continues an endpoint's panic in the goroutine of its caller.
func (r *result) rethrow() {
	if r.panicked != nil {
		panic(r.panicked)
	}
}
