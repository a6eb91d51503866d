package world

import (
	"testing"
	"testing/synctest"
	"time"

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

// Allowed is the bound to assert: itself in a bubble; on sockets more by what
// the machine was late meanwhile, and three times that under the race detector.
func (w *World) Allowed(bound time.Duration) time.Duration {
	if w.lag == nil {
		return bound
	}
	if Race {
		bound *= 3
	}
	return bound + 2*w.lag.Worst()
}

// stopwatch returns how long it is since the call, less what is allowed to a slow machine
// besides Allowed: the time in which this process did not run.
func (w *World) stopwatch() func() time.Duration {
	if w.lag == nil {
		start := time.Now()
		return func() time.Duration { return time.Since(start) }
	}
	start, before := time.Now(), w.lag.Total()
	return func() time.Duration { return time.Since(start) - (w.lag.Total() - before) }
}

// Within asserts that f takes no longer than bound.
func (w *World) Within(bound time.Duration, what string, f func()) {
	w.Helper()
	took := w.stopwatch()
	f()
	if took := took(); took > w.Allowed(bound) {
		w.Errorf("%s took %v, at most %v is allowed", what, took, bound)
	}
}

// Until waits for a condition, at most bound.
func (w *World) Until(bound time.Duration, what string, cond func() bool) {
	w.Helper()
	for took := w.stopwatch(); ; time.Sleep(time.Millisecond) {
		late := took() > w.Allowed(bound)
		if w.lag == nil {
			synctest.Wait()
		}
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
	if w.lag == nil {
		synctest.Wait()
	}
}

// RealTime reports whether the story is told on sockets, where time passes by
// itself.
func (w *World) RealTime() bool { return w.lag != nil }
