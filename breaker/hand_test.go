package breaker_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/muxkit/muxkit/breaker"
)

func TestTrip(t *testing.T) {
	bubble(t, nil, func(f *fixture) {
		f.Trip(nodeA, errSick)
		if e := f.open(nodeA, breaker.ReasonTripped); !errors.Is(e, errSick) {
			t.Errorf("cause is %v", e.Cause)
		}
		time.Sleep(500 * time.Millisecond)
		f.call(nodeA, nil)
		f.state(nodeA, breaker.Closed)
	})
}

func TestForceOpen(t *testing.T) {
	bubble(t, []breaker.Option{breaker.WithObserveOnly(true)}, func(f *fixture) {
		f.ForceOpen(nodeA, errSick)
		time.Sleep(time.Hour)
		e := f.open(nodeA, breaker.ReasonForcedOpen)
		if e.RetryAfter != 0 || !errors.Is(e, errSick) {
			t.Errorf("got %v, retry after %v", e, e.RetryAfter)
		}
		if err := f.call(nodeA, nil); err == nil {
			t.Error("a call passed")
		}
		if st, _ := f.StatusOf(nodeA); st.Mode != breaker.ForcedOpen || st.Mode.String() != "forced open" || st.RetryAfter != 0 {
			t.Errorf("mode is %s, for %v", st.Mode, st.RetryAfter)
		}
		f.expel(nodeA)
		f.ready(nodeA)
		f.ForceOpen(nodeA, nil) // again
		if st, _ := f.StatusOf(nodeA); time.Since(st.Ordered) != time.Hour || st.State != breaker.Open {
			t.Errorf("%s since %v after a reconnect", st.State, st.Ordered)
		}
		f.Enable(nodeA)
		if st, _ := f.StatusOf(nodeA); !st.Ordered.IsZero() {
			t.Errorf("ordered since %v after its end", st.Ordered)
		}
		f.state(nodeA, breaker.Closed)
	})
}

func TestDisable(t *testing.T) {
	bubble(t, nil, func(f *fixture) {
		f.Disable(nodeA)
		f.calls(nodeA, 100, errSick)
		f.expel(nodeA)
		if err := f.call(nodeA, nil); err != nil {
			t.Errorf("a call got %v", err)
		}
		f.Enable(nodeA) // the event was remembered
		f.open(nodeA, breaker.ReasonNodeExpelled)
		f.Disable(nodeA)
		f.Reset(nodeA)
		f.calls(nodeA, 4, errSick)
		f.state(nodeA, breaker.Closed)
		f.call(nodeA, errSick)
		f.state(nodeA, breaker.Open)
		want := []string{"closed -> open: enabled", "open -> closed: disabled", "closed -> open: consecutive failures"}
		if got := f.told(); !slices.Equal(got, want) {
			t.Errorf("told %q", got)
		}
	})
}

func TestReset(t *testing.T) {
	bubble(t, nil, func(f *fixture) {
		f.expel(nodeA)
		f.Trip(nodeA, nil)
		f.Reset(nodeA)
		f.state(nodeA, breaker.Closed)
		f.calls(nodeA, 4, errSick)
		f.Reset(nodeA)
		f.calls(nodeA, 4, errSick)
		f.state(nodeA, breaker.Closed)
		f.ForceOpen(nodeA, nil)
		f.Reset(nodeA)
		f.state(nodeA, breaker.Closed)
		if st, _ := f.StatusOf(nodeA); st.Level != 0 || st.Mode != breaker.Auto {
			t.Errorf("level %d, %s", st.Level, st.Mode)
		}
	})
}

// The whole machine runs, and refuses nobody.
func TestObserveOnly(t *testing.T) {
	bubble(t, []breaker.Option{breaker.WithObserveOnly(true)}, func(f *fixture) {
		for range 5 + 10 {
			if err := f.call(nodeA, errSick); err != errSick {
				t.Fatalf("got %v", err)
			}
		}
		time.Sleep(500 * time.Millisecond)
		f.call(nodeA, errSick) // would be a probe
		f.expel(nodeA)
		f.call(nodeA, nil)
		if err := f.Check(nodeA); err != nil {
			t.Errorf("Check: %v", err)
		}
		st, _ := f.StatusOf(nodeA)
		if !st.Observed || st.State != breaker.Open || st.Totals.WouldEject != 2 || st.Totals.WouldRefuse != 11 || st.Totals.Refused != 0 {
			t.Errorf("%+v", st)
		}
		f.told()
		for _, c := range f.changes {
			if !c.Observed {
				t.Errorf("%+v is not marked", c)
			}
		}
		if err := f.Update(breaker.WithObserveOnly(false)); err != nil || f.Check(nodeA) == nil {
			t.Errorf("in earnest: %v, %v", err, f.Check(nodeA))
		}
	})
}
