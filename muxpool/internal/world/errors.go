package world

import (
	"context"
	"errors"
	"net"

	"github.com/muxkit/muxkit/muxpool"
)

// WantError asserts that an error is of a kind, is the pool's own, and says
// whether the request was sent.
func (w *World) WantError(err, kind error, sent bool) {
	w.Helper()
	var (
		pe *muxpool.Error
		s  interface{ Sent() bool }
	)
	switch {
	case !errors.Is(err, kind):
		w.Errorf("got the error %v, want %v", err, kind)
	case !errors.As(err, &pe) || pe.Node != w.Caller.Node || pe.Err == nil:
		w.Errorf("not an *Error of the node: %#v", err)
	case !errors.As(err, &s) || s.Sent() != sent:
		w.Errorf("Sent() of %v is not %v", err, sent)
	}
}

// IsTimeout reports whether err is the end of a context.
func IsTimeout(err error) bool {
	var ne net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &ne) && ne.Timeout()
}

// AllLost expects n calls to fail, maybe sent, since their connection was lost.
func (w *World) AllLost(calls *Flight, n int) {
	w.Helper()
	failed := calls.Land()
	if len(failed) != n {
		w.Errorf("%d calls failed, want %d", len(failed), n)
	}
	for _, err := range failed {
		if w.WantError(err, muxpool.ErrConnLost, true); w.Failed() {
			return
		}
	}
}

func (w *World) must(s string, err error) string {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
	return s
}
