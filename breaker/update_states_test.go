package breaker_test

import (
	"context"
	"testing"
	"time"

	"github.com/muxkit/muxkit/breaker"
)

// TestUpdateInEveryState: new settings meet a node in each state it can be in. They
// hold at once, for callers whose middleware was made before, without any call or
// event in between; the state itself stays.
func TestUpdateInEveryState(t *testing.T) {
	states := map[string]struct {
		bring func(f *fixture)
		state breaker.State
		takes bool // calls
	}{
		"closed":                 {func(f *fixture) { f.calls(nodeA, 1, nil) }, breaker.Closed, true},
		"closed, after failures": {func(f *fixture) { f.calls(nodeA, 4, errSick) }, breaker.Closed, true},
		"open by the pool":       {func(f *fixture) { f.expel(nodeA) }, breaker.Open, false},
		"open by calls":          {func(f *fixture) { f.calls(nodeA, 5, errSick) }, breaker.Open, false},
		"open by hand":           {func(f *fixture) { f.Trip(nodeA, nil) }, breaker.Open, false},
		"half-open":              {func(f *fixture) { f.expel(nodeA); time.Sleep(500 * time.Millisecond); f.told() }, breaker.HalfOpen, true},
		"forced open":            {func(f *fixture) { f.ForceOpen(nodeA, nil) }, breaker.Open, false},
		"disabled":               {func(f *fixture) { f.Disable(nodeA) }, breaker.Closed, true},
	}
	for name, s := range states {
		t.Run(name, func(t *testing.T) {
			bubble(t, []breaker.Option{breaker.WithProbes(2)}, func(f *fixture) {
				answer := error(nil)
				_, made := f.Middleware(nodeA)(func(context.Context, any) (any, error) { return nil, answer })(context.Background(), nil)
				if made != nil {
					t.Fatal(made)
				}
				call := f.Middleware(nodeA)(func(context.Context, any) (any, error) { return nil, answer })
				takes := func(when string, want bool) {
					t.Helper()
					if _, err := call(context.Background(), nil); (err == nil) != want {
						t.Errorf("%s: a call ended with %v", when, err)
					}
				}
				s.bring(f)
				f.state(nodeA, s.state)

				f.update(breaker.WithObserveOnly(true))
				f.state(nodeA, s.state)
				if name != "half-open" { // where a call that passes is a probe, and moves it
					takes("while only observed", name != "forced open")
				}
				f.update(breaker.WithObserveOnly(false), breaker.WithDetectors(breaker.ConsecutiveFailures(2)), breaker.WithProbes(1))
				f.state(nodeA, s.state)
				takes("observed no more", s.takes)

				// Whatever it was: what comes next follows the new settings.
				f.Enable(nodeA)
				f.Reset(nodeA)
				answer = errSick
				for range 2 {
					_, _ = call(context.Background(), nil)
				}
				f.open(nodeA, breaker.ReasonConsecutiveFailures)
			})
		})
	}
}

// TestUpdateInAnOutage: bounds that nodes share are changed while they bind. Nothing
// else happens meanwhile.
func TestUpdateInAnOutage(t *testing.T) {
	opts := []breaker.Option{breaker.WithMaxEjection(1), breaker.WithEjectionTime(time.Hour, time.Hour)}
	alone(t, opts, func(f *fixture) {
		f.hold(4)
		for i := range 3 {
			f.calls(nodeN(i), 5, errSick)
		}
		taking := func(want int) {
			t.Helper()
			if got := 4 - f.out(4); got != want {
				t.Errorf("%d of 4 nodes take calls, want %d", got, want)
			}
		}
		taking(1)
		f.update(breaker.WithPanicThreshold(0.5))
		taking(4)
		f.update(breaker.WithPanicThreshold(0.1))
		taking(1)
		f.update(breaker.WithPanicThreshold(0.5))
		taking(4)
		f.update(breaker.WithPanicThreshold(0))
		taking(1)
	})
}
