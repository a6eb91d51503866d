package discovery

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// patience is how long code of the user's is waited for that should have ended.
const patience = 250 * time.Millisecond

// Outside runs code of the user's, which must not harm who follows, or keeps, nodes: it may panic, end its goroutine, or not
// return. There is one for each piece of code, which is not to run twice at once. It must not be copied.
type Outside struct {
	Name string // in errors
	busy atomic.Bool
}

var errBusy = errors.New("has not returned since it was called before")

// Run returns what f returns, or an error: that it panicked or ended its goroutine, that ctx has ended and f does not return, or that it
// still has not from the time before. Then f goes on alone.
func Run[T any](ctx context.Context, o *Outside, f func() (T, error)) (T, error) {
	var none T
	if !o.busy.CompareAndSwap(false, true) {
		return none, fmt.Errorf("%s %w", o.Name, errBusy)
	}
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		r := result{err: fmt.Errorf("%s ended its goroutine", o.Name)}
		defer func() {
			if v := recover(); v != nil {
				r = result{err: fmt.Errorf("%s panicked: %v", o.Name, v)}
			}
			o.busy.Store(false)
			done <- r
		}()
		r.value, r.err = f()
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
	}
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case r := <-done:
		return r.value, r.err
	case <-late.C:
		return none, fmt.Errorf("%s does not return: %w", o.Name, context.Cause(ctx))
	}
}
