package breaker

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/sony/gobreaker"
)

// What an option refuses ends where its comment says: zero is the default, and a bound is within.
func TestBoundsOfOptions(t *testing.T) {
	const year = 365 * 24 * time.Hour
	for name, c := range map[string]struct {
		option Option
		good   bool
	}{
		"WithMaxEjection(0)": {WithMaxEjection(0), true}, "WithMaxEjection(1)": {WithMaxEjection(1), true},
		"WithMaxEjection(-0.1)": {WithMaxEjection(-0.1), false}, "WithMaxEjection(1.1)": {WithMaxEjection(1.1), false},
		"WithPanicThreshold(0)": {WithPanicThreshold(0), true}, "WithPanicThreshold(1)": {WithPanicThreshold(1), true},
		"WithJitter(0)": {WithJitter(0), true}, "WithJitter(1)": {WithJitter(1), true}, "WithJitter(-0.1)": {WithJitter(-0.1), false},
		"WithForget(0)": {WithForget(0), true}, "WithDecay(0)": {WithDecay(0), true}, "WithDecay(-1)": {WithDecay(-1), false},
		"WithEjectionTime(0, 0)": {WithEjectionTime(0, 0), true}, "WithEjectionTime(1, 1)": {WithEjectionTime(1, 1), true},
		"WithEjectionTime(2, 1)": {WithEjectionTime(2, 1), false}, "WithEjectionTime(1, 0)": {WithEjectionTime(1, 0), true},
		"WithEjectionTime(a year)": {WithEjectionTime(year, year), true}, "WithEjectionTime(over a year)": {WithEjectionTime(0, year+1), false},
		"WithEjectionTime(first is over a year)": {WithEjectionTime(year+1, 0), false},
		"WithProbes(0)":                          {WithProbes(0), true}, "WithProbes(1)": {WithProbes(1), true}, "WithProbes(-1)": {WithProbes(-1), false},
		"WithProbes(2^31-1)": {WithProbes(math.MaxInt32), true}, "WithProbes(2^31)": {WithProbes(math.MaxInt32 + 1), false},
		"WithProbeTimeout(0)": {WithProbeTimeout(0), true}, "WithProbe(0)": {WithProbe(nil, 0), true}, "WithDetectors()": {WithDetectors(), true},
		"ConsecutiveFailures(0)": {WithDetectors(ConsecutiveFailures(0)), true}, "ConsecutiveFailures(-1)": {WithDetectors(ConsecutiveFailures(-1)), false},
		"FailureRate(0)": {WithDetectors(FailureRate(0, 0, 0)), true}, "FailureRate(1)": {WithDetectors(FailureRate(1, 0, 0)), true},
		"FailureRate(1.1)": {WithDetectors(FailureRate(1.1, 0, 0)), false}, "FailureRate(-0.1)": {WithDetectors(FailureRate(-0.1, 0, 0)), false},
		"FailureRate(NaN)":  {WithDetectors(FailureRate(math.NaN(), 0, 0)), false},
		"FailureRate(10ns)": {WithDetectors(FailureRate(0, 10, 0)), true}, "FailureRate(9ns)": {WithDetectors(FailureRate(0, 9, 0)), false},
		"FailureRate(1ns)": {WithDetectors(FailureRate(0, 1, 0)), false}, "FailureRate(-1ns)": {WithDetectors(FailureRate(0, -1, 0)), false},
		"SlowCalls(0)": {WithDetectors(SlowCalls(0, 0, 0, 0)), true}, "SlowCalls(-1)": {WithDetectors(SlowCalls(-1, 0, 0, 0)), false},
		"Deviation(0)":   {WithDetectors(Deviation(0, 0, 0, 0)), true},
		"Deviation(NaN)": {WithDetectors(Deviation(math.NaN(), 0, 0, 0)), false},
		"two Deviations": {WithDetectors(Deviation(1, 0, 0, 0), Deviation(2, 0, 0, 0)), false},
	} {
		if _, err := (settings{}).apply([]Option{c.option}); (err == nil) != c.good {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The defaults are those of the comments.
func TestDefaults(t *testing.T) {
	s, err := settings{}.forNode(nil)
	if err != nil {
		t.Fatal(err)
	}
	if s.shareCap() != 0.5 || s.forgetTime() != 10*time.Minute || s.panicShare != 0 {
		t.Errorf("a share of %v, panic at %v, forgotten in %v", s.shareCap(), s.panicShare, s.forgetTime())
	}
	got := fmt.Sprint(s.firstTime, s.timeLimit, s.jitter, s.decay, s.probes, s.probeTimeout, s.probeEvery, s.slow, s.inRow, s.memory)
	if want := "500ms 30s 0.2 10s 1 3s 750ms 0s 5 10s"; got != want {
		t.Errorf("defaults %s, want %s", got, want)
	}
	for what, c := range map[string]struct{ got, want Detector }{
		"failures in a row": {ConsecutiveFailures(0), Detector{kind: consecutive, count: 5}},
		"failure rate":      {FailureRate(0, 0, 0), Detector{kind: failureRate, rate: 0.5, window: 10 * time.Second, volume: 20}},
		"slow calls":        {SlowCalls(0, 0, 0, 0), Detector{kind: slowCalls, slow: time.Second, rate: 0.5, window: 10 * time.Second, volume: 20}},
		"deviation":         {Deviation(0, 0, 0, 0), Detector{kind: deviation, factor: 1.9, nodes: 5, volume: 100, window: 10 * time.Second}},
		"its own rate":      {FailureRate(0.1, time.Second, 3), Detector{kind: failureRate, rate: 0.1, window: time.Second, volume: 3}},
		"its own threshold": {SlowCalls(time.Minute, 0.1, time.Second, 3), Detector{kind: slowCalls, slow: time.Minute, rate: 0.1, window: time.Second, volume: 3}},
		"its own deviation": {Deviation(1, 2, 3, time.Second), Detector{kind: deviation, factor: 1, nodes: 2, volume: 3, window: time.Second}},
	} {
		if c.got != c.want {
			t.Errorf("%s: %+v, want %+v", what, c.got, c.want)
		}
	}
	// A first time that is over the default limit raises it, and a gobreaker's Settings come before the defaults.
	for what, c := range map[string]struct {
		opts []Option
		want string
	}{
		"a long first time":  {[]Option{WithEjectionTime(time.Minute, 0)}, "1m0s 1m0s 1"},
		"a gobreaker":        {[]Option{WithGobreaker(gobreaker.Settings{Timeout: 7 * time.Second, MaxRequests: 3})}, "7s 30s 3"},
		"a gobreaker's own":  {[]Option{WithGobreaker(gobreaker.Settings{})}, "1m0s 1m0s 1"},
		"both":               {[]Option{WithGobreaker(gobreaker.Settings{Timeout: 7 * time.Second, MaxRequests: 3}), WithEjectionTime(time.Second, 0), WithProbes(2)}, "1s 30s 2"},
		"a gobreaker's most": {[]Option{WithGobreaker(gobreaker.Settings{MaxRequests: math.MaxUint32})}, "1m0s 1m0s 2147483647"},
	} {
		s, err := settings{}.forNode(c.opts)
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		if got := fmt.Sprint(s.firstTime, s.timeLimit, s.probes); got != c.want {
			t.Errorf("%s: %s, want %s", what, got, c.want)
		}
	}
	for want, detectors := range map[string][]Detector{
		"0s 9223372036854775807 10s": {},
		"0s 3 10s":                   {ConsecutiveFailures(4), ConsecutiveFailures(3), ConsecutiveFailures(5)},
		"2s 9223372036854775807 20s": {SlowCalls(3*time.Second, 0, time.Second, 0), SlowCalls(2*time.Second, 0, 20*time.Second, 0), SlowCalls(4*time.Second, 0, 0, 0)},
	} {
		s, err := settings{}.forNode([]Option{WithDetectors(detectors...)})
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(s.slow, s.inRow, s.memory); got != want {
			t.Errorf("of %v follows %s, want %s", detectors, got, want)
		}
	}
}
