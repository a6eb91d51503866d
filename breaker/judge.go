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

// record takes a call's end. The Reason is not ReasonNone if the circuit is to be
// ejected.
func (j *judge) record(number uint64, o Outcome, now int64, took time.Duration, err error) (why Reason, cause error) {
	j.mu.Lock()
	j.ended++
	if o != Neutral {
		why, cause = j.weigh(o, now, took, err)
	}
	if o != Success {
		if row := j.streaks.add(number, o == Failure); o == Failure && row >= j.set.inRow {
			why, cause = ReasonConsecutiveFailures, err
		}
	}
	j.mu.Unlock()
	if own := j.own.Load(); own != nil && o != Neutral && own.record(o) && why == ReasonNone {
		return ReasonReadyToTrip, err
	}
	return why, cause
}

// weigh counts a call in each window. mu is held.
func (j *judge) weigh(o Outcome, now int64, took time.Duration, err error) (why Reason, cause error) {
	j.period.calls++
	if o == Success {
		j.period.successes++
	}
	for i := range j.windows {
		w := &j.windows[i]
		if !w.isBad(o, took) {
			w.add(now, 1, 0)
		} else if rate := j.bad(w, now, err); rate != nil && why == ReasonNone {
			why, cause = w.detector.reason(), rate
		}
	}
	return why, cause
}

// bad counts a bad call in a window, and returns an error if there are too many. mu
// is held.
func (j *judge) bad(w *window, now int64, err error) error {
	w.add(now, 1, 1)
	calls, bad, sick := w.sick(now, int64(j.begun.Load()-j.ended))
	if !sick {
		return nil
	}
	return &RateError{Calls: int(calls), Bad: int(bad), Window: w.detector.window, Last: err}
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
			w.copyFrom(from)
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
