package world

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
)

// NoBug is a subscriber that fails the test when the pool found that an invariant of its
// own does not hold.
func NoBug(t testing.TB) func(muxpool.Event) {
	return func(e muxpool.Event) {
		if e.Reason == muxpool.ReasonBug {
			t.Error(e)
		}
	}
}

func (w *World) hear(e muxpool.Event) {
	NoBug(w)(e)
	if fault := twice(e.String(), e.Node); fault != "" {
		w.Errorf("an event %s: %v", fault, e)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if e.Node == w.Caller.Node {
		w.events = append(w.events, e)
	}
}

// Heard returns the victim's events so far of that kind; 0 means all.
func (w *World) Heard(kind muxpool.EventKind) []muxpool.Event {
	w.mu.Lock()
	defer w.mu.Unlock()
	var some []muxpool.Event
	for _, e := range w.events {
		if kind == 0 || e.Kind == kind {
			some = append(some, e)
		}
	}
	return some
}

// Node returns the victim's statistics.
func (w *World) Node() muxpool.NodeStats {
	for _, n := range w.Pool.Stats().Nodes {
		if n.Node == w.Caller.Node {
			return n
		}
	}
	return muxpool.NodeStats{}
}

// Reserved returns how many ids of a node wait for an answer whose caller left.
func Reserved(s muxpool.NodeStats) (n int) {
	for _, c := range s.Conns {
		n += c.Reserved
	}
	return n
}

// Allowed is how long a call may take that is to succeed: d in a bubble, whose clock only moves
// when everything waits. On sockets the machine decides that, and it is as long as it takes: the
// limit of the tests, which counts work (see bounded.Tests), ends what hangs.
func (w *World) Allowed(d time.Duration) time.Duration {
	if w.real {
		return time.Hour
	}
	return d
}

// Within runs f, and asserts that it takes no longer than bound, in a bubble.
func (w *World) Within(bound time.Duration, what string, f func()) {
	w.Helper()
	start := time.Now()
	f()
	if took := time.Since(start); !w.real && took > bound {
		w.Errorf("%s took %v, at most %v is allowed", what, took, bound)
	}
}

// Until waits for a condition, at most bound in a bubble, and on sockets until it is clear that
// it will not come: see bounded.Limit.
func (w *World) Until(bound time.Duration, what string, cond func() bool) {
	w.Helper()
	over := new(bounded.Limit).Over
	if start := time.Now(); !w.real {
		over = func() bool { return time.Since(start) > bound }
	}
	for ; ; time.Sleep(time.Millisecond) {
		late := over()
		w.Settle()
		if cond() {
			return
		}
		if late {
			w.Fatalf("not within %v: %s; stats: %+v, events: %v", bound, what, w.Pool.Stats(), w.Heard(0))
		}
	}
}

// Settle waits until nothing moves; on sockets there is nothing to wait for.
func (w *World) Settle() {
	if !w.real {
		synctest.Wait()
	}
}

// RealTime reports whether the story is told on sockets, where time passes by
// itself.
func (w *World) RealTime() bool { return w.real }
