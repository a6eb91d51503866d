package breaker_test

import (
	"errors"
	"testing"
	"time"

	"github.com/muxkit/muxkit/breaker"
)

func only(d ...breaker.Detector) []breaker.Option {
	return []breaker.Option{breaker.WithDetectors(d...)}
}

func TestConsecutiveFailures(t *testing.T) {
	bubble(t, only(breaker.ConsecutiveFailures(3)), func(f *fixture) {
		f.calls(nodeA, 2, errSick)
		f.call(nodeA, nil)
		f.calls(nodeA, 2, errSick)
		f.state(nodeA, breaker.Closed)
		f.call(nodeA, errSick)
		if e := f.open(nodeA, breaker.ReasonConsecutiveFailures); !errors.Is(e, errSick) {
			t.Errorf("%v does not wrap the last failure", e)
		}
	})
}

func TestFailureRateNeedsVolumeAndRate(t *testing.T) {
	bubble(t, only(breaker.FailureRate(0.5, 10*time.Second, 10)), func(f *fixture) {
		f.calls(nodeA, 5, nil)
		f.calls(nodeA, 4, errSick)
		f.state(nodeA, breaker.Closed) // 9 calls: below the volume
		f.call(nodeB, nil)
		f.call(nodeA, errSick)
		e := f.open(nodeA, breaker.ReasonFailureRate)
		var rate *breaker.RateError
		if !errors.As(e, &rate) || rate.Calls != 10 || rate.Bad != 5 || !errors.Is(e, errSick) {
			t.Errorf("cause is %v, want 5 of 10 and the last failure", e.Cause)
		}
	})
}

func TestFailureRateWindowRolls(t *testing.T) {
	bubble(t, only(breaker.FailureRate(0.5, 10*time.Second, 10)), func(f *fixture) {
		f.calls(nodeA, 9, errSick)
		time.Sleep(10 * time.Second) // they leave the window
		f.call(nodeA, errSick)
		f.state(nodeA, breaker.Closed)
		time.Sleep(5 * time.Second)
		f.calls(nodeA, 9, errSick) // together with the one of 5 s ago: 10
		f.open(nodeA, breaker.ReasonFailureRate)
	})
}

// A node that fails half of its calls never has five failures in a row for sure:
// the default detectors find it by its rate.
func TestDefaultDetectorsFindHalfFailing(t *testing.T) {
	bubble(t, nil, func(f *fixture) {
		for range 10 {
			f.call(nodeA, nil)
			f.call(nodeA, errSick)
		}
		f.open(nodeA, breaker.ReasonFailureRate)
	})
}

func TestSlowCalls(t *testing.T) {
	bubble(t, only(breaker.SlowCalls(100*time.Millisecond, 0.5, 10*time.Second, 4)), func(f *fixture) {
		for range 2 {
			f.slowCall(nodeA, 50*time.Millisecond)
			f.slowCall(nodeA, 100*time.Millisecond)
		}
		f.state(nodeA, breaker.Closed)
		for range 4 {
			f.slowCall(nodeA, 101*time.Millisecond)
		}
		e := f.open(nodeA, breaker.ReasonSlowCalls)
		var rate *breaker.RateError
		if !errors.As(e, &rate) || rate.Last != nil {
			t.Errorf("cause is %v, want a RateError without a last error", e.Cause)
		}

		time.Sleep(time.Second)
		f.slowCall(nodeA, 101*time.Millisecond) // the probe: a success, and too slow
		f.open(nodeA, breaker.ReasonProbeFailed)
	})
}

// Deviation with figures as in A50: five nodes, 100 calls each in the interval.
func TestDeviation(t *testing.T) {
	bubble(t, only(breaker.Deviation(1.5, 5, 100, 10*time.Second)), func(f *fixture) {
		for i := range 5 {
			bad := 1
			if i == 3 {
				bad = 30
			}
			f.calls(nodeN(i), bad, errSick)
			f.calls(nodeN(i), 100-bad, nil)
		}
		time.Sleep(10 * time.Second)
		f.told()
		var dev *breaker.DeviationError
		if e := f.open(nodeN(3), breaker.ReasonDeviation); !errors.As(e, &dev) || dev.Nodes != 5 || dev.Rate != 0.7 {
			t.Errorf("cause is %v", e.Cause)
		}
		for _, i := range []int{0, 1, 2, 4} {
			f.state(nodeN(i), breaker.Closed)
		}
	})
}

func TestDeviationNeedsNodesAndVolume(t *testing.T) {
	bubble(t, only(breaker.Deviation(0.5, 5, 100, 10*time.Second)), func(f *fixture) {
		for i := range 5 {
			f.calls(nodeN(i), 99, nil)
		}
		f.calls(nodeA, 99, errSick) // with B and C, the only ones with 100 calls
		f.calls(nodeB, 1, nil)
		f.calls(nodeC, 1, nil)
		time.Sleep(10 * time.Second)
		f.told()
		f.state(nodeA, breaker.Closed)
	})
}

func TestDetectorsCombine(t *testing.T) {
	all := only(breaker.ConsecutiveFailures(3), breaker.FailureRate(0.9, time.Second, 4),
		breaker.FailureRate(0.3, 100*time.Second, 20), breaker.SlowCalls(time.Second, 0.5, 10*time.Second, 2))
	bubble(t, append(all, breaker.WithMaxEjection(1)), func(f *fixture) {
		for i := range 4 {
			f.Hold(nodeN(i))
		}
		f.calls(nodeN(0), 3, errSick)
		f.open(nodeN(0), breaker.ReasonConsecutiveFailures)
		for range 7 { // a third of the calls fails, over a long time
			time.Sleep(2 * time.Second)
			f.calls(nodeN(1), 2, nil)
			f.call(nodeN(1), errSick)
		}
		f.open(nodeN(1), breaker.ReasonFailureRate)
		f.slowCall(nodeN(2), 2*time.Second)
		f.slowCall(nodeN(2), 2*time.Second)
		f.open(nodeN(2), breaker.ReasonSlowCalls)
	})
}

func TestNoDetectors(t *testing.T) {
	bubble(t, only(), func(f *fixture) {
		f.calls(nodeA, 1000, errSick)
		f.state(nodeA, breaker.Closed)
		f.expel(nodeA)
		f.open(nodeA, breaker.ReasonNodeExpelled)
	})
}
