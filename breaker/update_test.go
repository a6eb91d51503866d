package breaker_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/muxkit/muxkit/breaker"
	"github.com/muxkit/muxkit/muxpool"
)

func (f *fixture) update(opts ...breaker.Option) {
	f.t.Helper()
	if err := f.Update(opts...); err != nil {
		f.t.Fatal(err)
	}
}

func (f *fixture) updateNode(node muxpool.Node, opts ...breaker.Option) {
	f.t.Helper()
	if err := f.UpdateNode(node, opts...); err != nil {
		f.t.Fatal(err)
	}
}

// New settings take effect at once, and what was counted under the old ones
// stays.
func TestUpdateKeepsState(t *testing.T) {
	bubble(t, only(breaker.ConsecutiveFailures(9), breaker.FailureRate(0.9, 10*time.Second, 100)), func(f *fixture) {
		f.expel(nodeB)
		f.calls(nodeA, 3, errSick)
		f.call(nodeA, nil)
		f.calls(nodeA, 4, errSick)
		f.update(breaker.WithDetectors(breaker.ConsecutiveFailures(5)))
		f.open(nodeB, breaker.ReasonNodeExpelled)
		f.call(nodeA, errSick) // the fifth in a row
		f.open(nodeA, breaker.ReasonConsecutiveFailures)
	})
}

func TestUpdateKeepsWindows(t *testing.T) {
	bubble(t, only(breaker.FailureRate(0.5, 10*time.Second, 100)), func(f *fixture) {
		f.calls(nodeA, 30, errSick)
		time.Sleep(5 * time.Second)
		f.calls(nodeA, 9, errSick)
		f.update(breaker.WithDetectors(breaker.SlowCalls(0, 0, 0, 0), breaker.FailureRate(0.5, time.Second, 10)))
		f.calls(nodeA, 1, errSick) // ten in the last second
		e := f.open(nodeA, breaker.ReasonFailureRate)
		var rate *breaker.RateError
		if !errors.As(e, &rate) || rate.Calls != 10 {
			t.Errorf("cause is %v", e.Cause)
		}
	})
}

func TestUpdateKeepsHalfOpenAndOpen(t *testing.T) {
	bubble(t, []breaker.Option{breaker.WithProbes(2)}, func(f *fixture) {
		f.expel(nodeA)
		time.Sleep(500 * time.Millisecond)
		f.call(nodeA, nil) // one of two
		f.update(breaker.WithProbes(5), breaker.WithEjectionTime(time.Hour, 0))
		f.state(nodeA, breaker.HalfOpen)
		f.call(nodeA, nil)
		f.state(nodeA, breaker.Closed)

		f.expel(nodeA)
		p := &prober{}
		f.update(breaker.WithProbe(p.probe, time.Second)) // now it is probed
		time.Sleep(time.Second)
		f.told()
		f.state(nodeA, breaker.Closed)
		f.ForceOpen(nodeA, nil)
		f.update(breaker.WithProbe(nil, 0))
		f.open(nodeA, breaker.ReasonForcedOpen)
	})
}

func TestUpdateRefusesWhole(t *testing.T) {
	bubble(t, nil, func(f *fixture) {
		err := f.Update(breaker.WithDetectors(), breaker.WithProbes(-7))
		if !errors.Is(err, breaker.ErrInvalidOption) || !strings.Contains(err.Error(), "WithProbes(-7)") {
			t.Errorf("got %v", err)
		}
		if f.Err() != nil {
			t.Errorf("Err: %v", f.Err())
		}
		f.calls(nodeA, 5, errSick) // still the old detectors
		f.open(nodeA, breaker.ReasonConsecutiveFailures)
	})
}

func TestUpdateStartsAndStopsDeviation(t *testing.T) {
	bubble(t, only(), func(f *fixture) {
		round := func() {
			for i := range 5 {
				f.calls(nodeN(i), 10, nil)
			}
			f.calls(nodeN(4), 10, errSick)
			time.Sleep(time.Second)
			f.told()
		}
		round()
		f.state(nodeN(4), breaker.Closed)
		f.update(breaker.WithDetectors(breaker.Deviation(1, 5, 10, time.Second)))
		round()
		f.open(nodeN(4), breaker.ReasonDeviation)
		f.Reset(nodeN(4))
		round() // in the next interval as in the first
		f.open(nodeN(4), breaker.ReasonDeviation)
		f.Reset(nodeN(4))
		f.update(breaker.WithDetectors())
		round()
		f.state(nodeN(4), breaker.Closed)
	})
}

// The interval that runs ends with its settings: the next is counted whole.
func TestUpdateOfTheIntervalOfDeviation(t *testing.T) {
	every := func(d time.Duration) breaker.Option {
		return breaker.WithDetectors(breaker.Deviation(1, 5, 10, d))
	}
	bubble(t, []breaker.Option{every(10 * time.Second)}, func(f *fixture) {
		time.Sleep(5 * time.Second)
		f.update(every(time.Minute))
		for i := range 5 {
			f.calls(nodeN(i), 10, nil)
		}
		f.calls(nodeN(4), 10, errSick)
		time.Sleep(time.Minute - 1)
		f.told()
		f.state(nodeN(4), breaker.Closed)
		time.Sleep(2 * time.Nanosecond)
		f.told()
		f.open(nodeN(4), breaker.ReasonDeviation)
	})
}

func TestPerNodeSettings(t *testing.T) {
	bubble(t, []breaker.Option{breaker.WithMaxEjection(1)}, func(f *fixture) {
		f.hold(3)
		if err := f.UpdateNode(nodeA, breaker.WithDetectors(breaker.ConsecutiveFailures(2))); err != nil {
			t.Fatal(err)
		}
		f.update(breaker.WithEjectionTime(time.Minute, 0)) // for A as well
		f.calls(nodeA, 2, errSick)
		f.calls(nodeB, 2, errSick)
		if e := f.open(nodeA, breaker.ReasonConsecutiveFailures); e.RetryAfter.Round(time.Second) != time.Minute {
			t.Errorf("retry after %v", e.RetryAfter)
		}
		f.state(nodeB, breaker.Closed)
		f.Reset(nodeA)
		if err := f.UpdateNode(nodeA); err != nil { // as the group again
			t.Fatal(err)
		}
		f.calls(nodeA, 2, errSick)
		f.state(nodeA, breaker.Closed)
	})
}

func TestUpdateNodeRefuses(t *testing.T) {
	bubble(t, only(breaker.Deviation(0, 0, 0, 0)), func(f *fixture) {
		for _, o := range []breaker.Option{
			breaker.WithMaxEjection(0.1), breaker.WithPanicThreshold(0.1), breaker.WithForget(1),
			breaker.WithListener(func(breaker.Change) {}), breaker.WithPanicListener(func(*breaker.PanicError) {}),
			breaker.WithDetectors(breaker.Deviation(3, 0, 0, 0)), nil,
		} {
			if err := f.UpdateNode(nodeA, o); !errors.Is(err, breaker.ErrInvalidOption) || !strings.Contains(err.Error(), nodeA.String()) {
				t.Errorf("got %v", err)
			}
		}
		// What the group no longer has, no node can have.
		if err := f.UpdateNode(nodeA, breaker.WithDetectors(breaker.Deviation(0, 0, 0, 0))); err != nil {
			t.Error(err)
		}
		if err := f.Update(breaker.WithDetectors()); !errors.Is(err, breaker.ErrInvalidOption) {
			t.Errorf("got %v", err)
		}
	})
}

func TestInvalidOptionsAreNamed(t *testing.T) {
	for want, o := range map[string]breaker.Option{
		"WithMaxEjection(1.5)":                   breaker.WithMaxEjection(1.5),
		"WithMaxEjection(NaN)":                   breaker.WithMaxEjection(math.NaN()),
		"WithPanicThreshold(-1)":                 breaker.WithPanicThreshold(-1),
		"WithForget(-1s)":                        breaker.WithForget(-time.Second),
		"WithPanicListener(nil)":                 breaker.WithPanicListener(nil),
		"WithListener(nil)":                      breaker.WithListener(nil),
		"WithEjectionTime: first(-1s)":           breaker.WithEjectionTime(-time.Second, 0),
		"WithEjectionTime: limit(-1s)":           breaker.WithEjectionTime(0, -time.Second),
		"WithEjectionTime(2s, 1s)":               breaker.WithEjectionTime(2*time.Second, time.Second),
		"WithJitter(2)":                          breaker.WithJitter(2),
		"WithDecay(-1s)":                         breaker.WithDecay(-time.Second),
		"WithProbes(-1)":                         breaker.WithProbes(-1),
		"WithProbeTimeout(-1s)":                  breaker.WithProbeTimeout(-time.Second),
		"WithProbe: interval(-1s)":               breaker.WithProbe(nil, -time.Second),
		"ConsecutiveFailures(-1)":                breaker.WithDetectors(breaker.ConsecutiveFailures(-1)),
		"FailureRate: rate 1.5":                  breaker.WithDetectors(breaker.FailureRate(1.5, 0, 0)),
		"FailureRate: window -1s":                breaker.WithDetectors(breaker.FailureRate(0, -time.Second, 0)),
		"FailureRate: window 9ns is under 10 ns": breaker.WithDetectors(breaker.FailureRate(0, 9, 0)),
		"FailureRate: minVolume -1":              breaker.WithDetectors(breaker.FailureRate(0, 0, -1)),
		"SlowCalls: threshold -1s":               breaker.WithDetectors(breaker.SlowCalls(-time.Second, 0, 0, 0)),
		"SlowCalls: rate -1":                     breaker.WithDetectors(breaker.SlowCalls(0, -1, 0, 0)),
		"Deviation: factor -1":                   breaker.WithDetectors(breaker.Deviation(-1, 0, 0, 0)),
		"Deviation: minNodes -1":                 breaker.WithDetectors(breaker.Deviation(0, -1, 0, 0)),
		"Deviation: minVolume -1":                breaker.WithDetectors(breaker.Deviation(0, 0, -1, 0)),
		"Deviation: interval -1s":                breaker.WithDetectors(breaker.Deviation(0, 0, 0, -time.Second)),
		"WithDetectors: 2 times Deviation":       breaker.WithDetectors(breaker.Deviation(0, 0, 0, 0), breaker.Deviation(0, 0, 0, 0)),
		"WithDetectors: Detector 0 is empty":     breaker.WithDetectors(breaker.Detector{}),
		"a nil Option":                           nil,
	} {
		g := breaker.NewGroup(o)
		if err := g.Err(); !errors.Is(err, breaker.ErrInvalidOption) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v", want, err)
		}
		g.Close()
	}
}

// Settings that change all the time throw no probe away, be it a call or a Prober's
// run.
func TestUpdateKeepsTheProbeThatRuns(t *testing.T) {
	const probe, pause = 60 * time.Millisecond, 20 * time.Millisecond
	updates := func(f *fixture, d time.Duration) {
		for range d / pause {
			time.Sleep(pause)
			f.update(breaker.WithProbes(1))
		}
	}
	bubble(t, nil, func(f *fixture) {
		f.calls(nodeA, 5, errSick)
		time.Sleep(500 * time.Millisecond)
		done := make(chan error)
		go func() { done <- f.slowCall(nodeA, probe) }()
		updates(f, probe)
		if err := <-done; err != nil {
			t.Errorf("the probe got %v", err)
		}
		f.state(nodeA, breaker.Closed)
	})
	slow := func(context.Context, muxpool.Node) error { time.Sleep(probe); return nil }
	bubble(t, []breaker.Option{breaker.WithProbe(slow, time.Second)}, func(f *fixture) {
		f.expel(nodeA)
		updates(f, time.Second)
		f.told()
		f.state(nodeA, breaker.Closed)
		if st, _ := f.StatusOf(nodeA); st.Totals.Late != 0 {
			t.Errorf("%d probes came too late", st.Totals.Late)
		}
	})
}

func TestJitterCanBeOff(t *testing.T) {
	bubble(t, []breaker.Option{breaker.WithJitter(0.5), breaker.WithoutJitter()}, func(f *fixture) {
		for range 10 {
			f.Reset(nodeA)
			f.Trip(nodeA, nil)
			if e := f.open(nodeA, breaker.ReasonTripped); e.RetryAfter != 500*time.Millisecond {
				t.Fatalf("ejected for %v", e.RetryAfter)
			}
		}
		for name, again := range map[string]breaker.Option{"WithJitter(0) is the default": breaker.WithJitter(0), "a share": breaker.WithJitter(1)} {
			f.update(breaker.WithoutJitter())
			f.update(again)
			f.Reset(nodeA)
			f.Trip(nodeA, nil)
			if e := f.open(nodeA, breaker.ReasonTripped); e.RetryAfter <= 500*time.Millisecond {
				t.Errorf("%s: ejected for %v, without jitter", name, e.RetryAfter)
			}
		}
	})
}
