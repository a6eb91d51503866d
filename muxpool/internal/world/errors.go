package world

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

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

// twice says what is wrong with the text of an error or an event of a node: it is one line,
// names the node once, and says nothing twice. It returns "" if nothing is.
func twice(said string, node muxpool.Node) string {
	switch n := strings.Count(said, node.String()); {
	case strings.ContainsAny(said, "\r\n"):
		return "has more than one line"
	case n != 1:
		return fmt.Sprintf("names its node %d times", n)
	}
	causes := make(map[string]bool)
	for cause := range strings.SplitSeq(said, "; ") {
		if causes[cause] {
			return fmt.Sprintf("says %q twice", cause)
		}
		causes[cause] = true
		parts := make(map[string]bool) // of one connection's end: another's may share some
		for part := range strings.SplitSeq(cause, ": ") {
			if parts[part] && part != "muxpool" { // whose errors begin with it
				return fmt.Sprintf("says %q twice", part)
			}
			parts[part] = true
		}
	}
	return ""
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
