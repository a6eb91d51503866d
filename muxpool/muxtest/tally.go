package muxtest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Tally books calls, to prove that each returned once, in time, with its own
// answer. The zero value is ready; it is safe for concurrent use.
type Tally struct {
	// mu guards the fields below it. No call is made under it.
	mu       sync.Mutex
	started  int
	returned int
	ok       int
	mismatch []error
	errs     []error
	overstay time.Duration
}

// Call makes a call and books it. A deadline of ctx is held against it.
func (t *Tally) Call(ctx context.Context, c Caller, body []byte) error {
	return t.Book(ctx, func() error { return c.Call(ctx, body) })
}

// Book runs call, which uses ctx, and books what it returns.
func (t *Tally) Book(ctx context.Context, call func() error) error {
	t.mu.Lock()
	t.started++
	t.mu.Unlock()
	err := call()
	now := time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.returned++
	if end, ok := ctx.Deadline(); ok {
		t.overstay = max(t.overstay, now.Sub(end))
	}
	switch {
	case err == nil:
		t.ok++
	case errors.Is(err, ErrMismatch):
		t.mismatch = append(t.mismatch, err)
	default:
		t.errs = append(t.errs, err)
	}
	return err
}

// OK returns how many calls succeeded.
func (t *Tally) OK() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.ok
}

// Errors returns the errors of the calls that failed.
func (t *Tally) Errors() []error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]error(nil), t.errs...)
}

// InFlight returns how many calls have not returned.
func (t *Tally) InFlight() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.started - t.returned
}

// Check returns an error if a call has not returned, got another call's answer,
// or outlived its context by more than overstay.
func (t *Tally) Check(overstay time.Duration) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	var errs []error
	if t.started != t.returned {
		errs = append(errs, fmt.Errorf("muxtest: %d calls made, %d returned", t.started, t.returned))
	}
	if n := len(t.mismatch); n > 0 {
		errs = append(errs, fmt.Errorf("muxtest: %d mismatches, the first: %w", n, t.mismatch[0]))
	}
	if t.overstay > overstay {
		errs = append(errs, fmt.Errorf("muxtest: a call outlived its context by %v, at most %v is allowed", t.overstay, overstay))
	}
	return errors.Join(errs...)
}
