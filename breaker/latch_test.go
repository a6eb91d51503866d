package breaker_test

import (
	"testing"
	"time"

	"github.com/muxkit/muxkit/breaker"
)

// eject has the node ejected anew and returns for how long.
func (f *fixture) eject() time.Duration {
	f.t.Helper()
	f.calls(nodeA, 5, errSick)
	st, _ := f.StatusOf(nodeA)
	if st.State != breaker.Open {
		f.t.Fatalf("%s is %s", nodeA, st.State)
	}
	return st.RetryAfter
}

func TestEjectionTimeGrowsAndDecays(t *testing.T) {
	opts := []breaker.Option{breaker.WithEjectionTime(time.Second, 5*time.Second), breaker.WithDecay(10 * time.Second)}
	bubble(t, opts, func(f *fixture) {
		step := func(healthy, want time.Duration) {
			t.Helper()
			time.Sleep(healthy)
			got := f.eject().Round(time.Millisecond)
			if got != want {
				t.Errorf("after %v of health: ejected for %v, want %v", healthy, got, want)
			}
			time.Sleep(got + time.Millisecond)
			f.call(nodeA, nil) // the probe closes it
		}
		step(0, time.Second)
		step(0, 2*time.Second)
		step(0, 4*time.Second)
		step(0, 5*time.Second)
		step(0, 5*time.Second) // the limit
		step(9*time.Second, 5*time.Second)
		step(20*time.Second, 2*time.Second) // two doublings undone: 8 s would be next
		step(time.Hour, time.Second)
		step(0, 2*time.Second)
		f.Reset(nodeA)
		step(0, time.Second)
	})
}

// WithDecay sets how long a node must be healthy for a doubling to be undone.
func TestDecayHasItsTime(t *testing.T) {
	for name, row := range map[string]struct {
		opts  []breaker.Option
		decay time.Duration
	}{"by default": {nil, 10 * time.Second}, "set": {[]breaker.Option{breaker.WithDecay(3 * time.Second)}, 3 * time.Second}} {
		bubble(t, append(row.opts, breaker.WithEjectionTime(time.Second, time.Minute)), func(f *fixture) {
			for i, want := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 4 * time.Second, 8 * time.Second} {
				if got := f.eject().Round(time.Millisecond); got != want {
					t.Errorf("%s: ejection %d lasts %v, want %v", name, i+1, got, want)
				}
				time.Sleep(want + time.Millisecond)
				f.call(nodeA, nil) // the probe closes it
				if i == 2 {
					time.Sleep(row.decay) // one doubling is undone
				} else {
					time.Sleep(row.decay - time.Millisecond)
				}
			}
		})
	}
}

func TestEjectionJitter(t *testing.T) {
	seen := map[time.Duration]bool{}
	opts := []breaker.Option{breaker.WithJitter(0.5), breaker.WithEjectionTime(time.Second, 0)}
	bubble(t, opts, func(f *fixture) {
		for range 50 {
			d := f.eject()
			if d < time.Second || d > 1500*time.Millisecond {
				t.Fatalf("ejected for %v, want 1 s to 1.5 s", d)
			}
			seen[d] = true
			f.Reset(nodeA)
		}
	})
	if len(seen) < 40 {
		t.Errorf("50 ejections of only %d lengths", len(seen))
	}
}

// A second source that joins an ejection does not make it count twice.
func TestSecondSourceDoesNotGrow(t *testing.T) {
	bubble(t, nil, func(f *fixture) {
		f.eject()
		time.Sleep(400 * time.Millisecond)
		f.expel(nodeA)
		st, _ := f.StatusOf(nodeA)
		if st.Ejections != 1 || st.Level != 1 || st.RetryAfter.Round(time.Millisecond) != 500*time.Millisecond {
			t.Errorf("%d ejections, level %d, %v to go", st.Ejections, st.Level, st.RetryAfter)
		}
	})
}
