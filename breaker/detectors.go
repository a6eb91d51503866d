package breaker

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// Detector finds sick nodes in the outcomes of their calls, and sick methods in those
// of theirs. Detectors are values, freely combined in WithDetectors: the first that
// finds something ejects the node, or the method on it.
type Detector struct {
	kind    detectorKind
	count   int           // failures in a row
	rate    float64       // share of bad calls
	window  time.Duration // over which it is taken
	volume  int           // calls below which nothing is judged
	slow    time.Duration // from which on a call is bad
	factor  float64       // standard deviations
	nodes   int           // below which nothing is compared
	invalid string
}

type detectorKind uint8

const (
	consecutive detectorKind = iota + 1
	failureRate
	slowCalls
	deviation
)

// WithDetectors replaces the detectors. Without arguments no call outcome ever
// ejects a node; the pool's events still do. Default: ConsecutiveFailures(0) and
// FailureRate(0, 0, 0), that is, with their own defaults.
func WithDetectors(detectors ...Detector) Option {
	return func(s *settings) {
		for i, d := range detectors {
			if d.kind == 0 {
				s.reject("WithDetectors: Detector %d is empty", i)
			}
			if d.invalid != "" {
				s.reject("WithDetectors: %s", d.invalid)
			}
		}
		s.detectors, s.ownDetectors = slices.Clone(detectors), true
	}
}

// ConsecutiveFailures ejects after n failures in a row, in the order in which the
// calls began: a call in between that is under way may yet succeed, and parts the row
// as a success does, and an answer that speaks against nobody. Default 5. Other neutral
// calls neither count nor part.
func ConsecutiveFailures(n int) Detector {
	d := Detector{kind: consecutive, count: cmp.Or(n, 5)}
	d.check(n < 0, "ConsecutiveFailures(%d) is negative", n)
	return d
}

// FailureRate ejects when of the calls that ended in a rolling window, and those
// under way, at least rate (from 0 to 1) failed, and at least minVolume did end.
// Answers that speak against nobody are calls that did not fail; other neutral calls are left out.
// Defaults 0.5, 10 s, 20 calls. The window moves in tenths of its length.
func FailureRate(rate float64, window time.Duration, minVolume int) Detector {
	d := Detector{kind: failureRate, rate: rate, window: window, volume: minVolume}
	d.checkWindow("FailureRate")
	return d
}

// SlowCalls ejects when at least rate (from 0 to 1) of the calls that ended in
// a rolling window, and of those under way, took longer than threshold, whatever
// their outcome, and at least minVolume did end. Defaults 1 s, 0.5, 10 s, 20 calls.
// Neutral calls that were not answered are left out. Of several methods each is judged for itself. A probe that takes longer than threshold is a failed one.
func SlowCalls(threshold time.Duration, rate float64, window time.Duration, minVolume int) Detector {
	d := Detector{kind: slowCalls, slow: cmp.Or(threshold, time.Second), rate: rate, window: window, volume: minVolume}
	d.check(threshold < 0, "SlowCalls: threshold %v is negative", threshold)
	d.checkWindow("SlowCalls")
	return d
}

// Deviation compares nodes, as the success rate ejection of gRPC's A50 does:
// every interval it takes the success rates of the nodes with at least minVolume
// calls in that interval, and if there are at least minNodes of them, ejects those
// that lie more than factor standard deviations below the mean, the
// worst first. Defaults 1.9, 5 nodes, 100 calls, 10 s.
func Deviation(factor float64, minNodes, minVolume int, interval time.Duration) Detector {
	d := Detector{kind: deviation, factor: cmp.Or(factor, 1.9), nodes: cmp.Or(minNodes, 5),
		volume: cmp.Or(minVolume, 100), window: cmp.Or(interval, 10*time.Second)}
	d.check(!(factor >= 0), "Deviation: factor %v is negative", factor)
	d.check(minNodes < 0, "Deviation: minNodes %d is negative", minNodes)
	d.check(minVolume < 0, "Deviation: minVolume %d is negative", minVolume)
	d.check(interval < 0, "Deviation: interval %v is negative", interval)
	return d
}

func (d *Detector) checkWindow(name string) {
	d.check(!(d.rate >= 0 && d.rate <= 1), "%s: rate %v is not between 0 and 1", name, d.rate)
	d.check(d.window < 0, "%s: window %v is negative", name, d.window)
	d.check(d.window > 0 && d.window < partsPerWindow, "%s: window %v is under 10 ns", name, d.window)
	d.check(d.volume < 0, "%s: minVolume %d is negative", name, d.volume)
	d.rate = cmp.Or(d.rate, 0.5)
	d.window = cmp.Or(d.window, 10*time.Second)
	d.volume = cmp.Or(d.volume, 20)
}

func (d *Detector) check(bad bool, format string, args ...any) {
	if bad && d.invalid == "" {
		d.invalid = fmt.Sprintf(format, args...)
	}
}

// reason is what a node is ejected for of which d, that looks at a window, finds too many calls bad.
func (d *Detector) reason() Reason {
	if d.kind == slowCalls {
		return ReasonSlowCalls
	}
	return ReasonFailureRate
}
