package transport

import (
	"context"
	"fmt"
	"sync"
	"time"

	kittransport "github.com/go-kit/kit/transport"
)

// reportsPerSecond bounds what the ServiceErrorHandler hears: what a peer can
// provoke must not flood a log.
const reportsPerSecond = 10

// maxReport bounds the text of a report, in bytes.
const maxReport = 2 * maxMessage

// quotedError is an error whose text has something of a peer in it that is not fit
// for a log.
type quotedError struct{ error }

func (e quotedError) Error() string { return quote(e.error.Error(), maxReport) }
func (e quotedError) Unwrap() error { return e.error }

// reports passes errors on, within bounds.
type reports struct {
	handler kittransport.ErrorHandler

	// mu guards the rest. The handler is not called under it.
	mu     sync.Mutex
	window time.Time // when the current second began
	passed int       // in this second
	left   int       // left out since the last one that passed
}

func (r *reports) report(ctx context.Context, err error) {
	r.mu.Lock()
	now := time.Now()
	if now.Sub(r.window) >= time.Second {
		r.window, r.passed = now, 0
	}
	if r.passed >= reportsPerSecond {
		r.left++
		r.mu.Unlock()
		return
	}
	left := r.left
	r.passed++
	r.left = 0
	r.mu.Unlock()
	if left > 0 {
		err = fmt.Errorf("%w (and %d more that were not reported)", err, left)
	}
	if text := err.Error(); quote(text, maxReport) != text {
		err = quotedError{err}
	}
	defer func() { _ = recover() }() // a handler that panics must not end the connection
	r.handler.Handle(ctx, err)
}
