package breaker

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// judge holds what is known of a closed circuit's calls. It serves one generation
// and is never used again: a call keeps the judge that it began with, so that its
// late result reaches no later one.
type judge struct {
	group *Group
	begun atomic.Uint64 // the number of the call that began last
	own   atomic.Pointer[counter]

	// mu guards what is below. Under it nothing is called but what belongs to it.
	mu      sync.Mutex
	set     *settings
	ended   uint64
	streaks streaks
	windows []window
	period  rates
}

// rates are one circuit's calls in Deviation's current interval.
type rates struct{ calls, successes int }

func newJudge(g *Group, set *settings) *judge {
	j := &judge{group: g, set: set, windows: newWindows(set)}
	j.configureOwn(set)
	return j
}

func newWindows(set *settings) []window {
	var ws []window
	for _, d := range set.detectors {
		if d.kind == failureRate || d.kind == slowCalls {
			ws = append(ws, window{detector: d})
		}
	}
	return ws
}

// begin returns the number of a call that begins.
func (j *judge) begin() uint64 { return j.begun.Add(1) }

// end is a call's, as its circuit sees it.
type end struct {
	number  uint64
	outcome Outcome
	now     int64
	took    time.Duration
	err     error
}

// record takes a call's end. The Reason is not ReasonNone if the circuit is to be
// ejected.
func (j *judge) record(e end) (Reason, error) {
	why, cause := j.count(e)
	if own := j.own.Load(); own != nil && e.outcome != Neutral {
		if own.record(e.outcome) && why == ReasonNone {
			return ReasonReadyToTrip, e.err
		}
	}
	return why, cause
}

func (j *judge) count(e end) (Reason, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.ended++
	if e.outcome == Neutral {
		j.streaks.add(e.number, false)
		return ReasonNone, nil
	}
	j.period.calls++
	if e.outcome == Success {
		j.period.successes++
	}
	why, cause := j.weigh(e)
	if e.outcome == Failure {
		if row := j.streaks.add(e.number, true); row >= j.set.inRow {
			return ReasonConsecutiveFailures, e.err
		}
	}
	return why, cause
}

// weigh counts a call in each window. mu is held.
func (j *judge) weigh(e end) (why Reason, cause error) {
	for i := range j.windows {
		w := &j.windows[i]
		if !w.isBad(e.outcome, e.took) {
			w.add(e.now, 1, 0)
			continue
		}
		w.add(e.now, 1, 1)
		underWay := int64(j.begun.Load() - j.ended)
		if calls, bad, sick := w.sick(e.now, underWay); sick && why == ReasonNone {
			why, cause = w.detector.reason(), &RateError{Calls: int(calls), Bad: int(bad), Window: w.detector.window, Last: e.err}
		}
	}
	return why, cause
}

// configure puts new settings in force; what was counted stays.
func (j *judge) configure(set *settings) {
	j.configureOwn(set)
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.set == set {
		return
	}
	j.set = set
	old := j.windows
	j.windows = newWindows(set)
	nth := map[detectorKind]int{}
	for i := range j.windows {
		w := &j.windows[i]
		if from := nthOfKind(old, w.detector.kind, nth[w.detector.kind]); from != nil {
			w.take(from)
		}
		nth[w.detector.kind]++
	}
}

func nthOfKind(ws []window, kind detectorKind, n int) *window {
	for i := range ws {
		if ws[i].detector.kind != kind {
			continue
		}
		if n == 0 {
			return &ws[i]
		}
		n--
	}
	return nil
}

// takePeriod ends the current interval of Deviation and returns what it saw.
func (j *judge) takePeriod() rates {
	j.mu.Lock()
	defer j.mu.Unlock()
	r := j.period
	j.period = rates{}
	return r
}

// RateError is the Cause of an ejection for FailureRate or SlowCalls.
type RateError struct {
	Calls, Bad int           // in the window
	Window     time.Duration // its length
	Last       error         // the error of the call that tipped the scales, nil if it was slow only
}

func (e *RateError) Error() string {
	s := fmt.Sprintf("breaker: %d of %d calls in %v were bad", e.Bad, e.Calls, e.Window)
	if e.Last != nil {
		s += ", the last: " + e.Last.Error()
	}
	return s
}

// Unwrap returns Last.
func (e *RateError) Unwrap() error { return e.Last }
