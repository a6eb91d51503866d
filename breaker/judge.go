package breaker

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sony/gobreaker"
)

// judge holds what is known of a closed node's calls: a gobreaker for failures
// in a row and for the user's ReadyToTrip, and windows for rates. A judge serves
// one closed period and is never used again: a call keeps the judge that it began
// with, so that its late result reaches no later period.
//
// gobreaker is fed when a call has ended, and only with successes and
// failures: the version 1.0.0 knows no neutral result, and wedges half-open when
// a call never reports. Its own open and half-open states are never used:
// that it wants to open is all that it is asked. Without a ReadyToTrip of the
// user's that may count successes, of several in a row it hears of one, with the
// next failure: more do not change what it decides, and cost two readings of the
// clock each.
type judge struct {
	cb      *gobreaker.CircuitBreaker
	set     atomic.Pointer[settings]
	healed  atomic.Bool   // a success that cb has not heard of
	verdict atomic.Uint32 // the Reason why cb opened, 0 before

	// mu guards what is below. Under it nothing is called but window's methods.
	mu      sync.Mutex
	windows []window
	period  rates
}

// rates are one node's calls in Deviation's current interval.
type rates struct{ calls, successes int }

// never is a Timeout for gobreaker that no process sees the end of.
const never = 100 * 365 * 24 * time.Hour

func newJudge(set *settings) *judge {
	j := &judge{windows: newWindows(set)}
	j.set.Store(set)
	st := gobreaker.Settings{ReadyToTrip: j.readyToTrip, Timeout: never}
	if set.gobreaker != nil {
		st.Interval = set.gobreaker.Interval
	}
	j.cb = gobreaker.NewCircuitBreaker(st)
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

// readyToTrip runs under gobreaker's mutex.
func (j *judge) readyToTrip(c gobreaker.Counts) bool {
	set := j.set.Load()
	if g := set.gobreaker; g != nil && ready(g, c) {
		j.verdict.Store(uint32(ReasonReadyToTrip))
		return true
	}
	for i := range set.detectors {
		if d := &set.detectors[i]; d.kind == consecutive && int(c.ConsecutiveFailures) >= d.count {
			j.verdict.Store(uint32(ReasonConsecutiveFailures))
			return true
		}
	}
	return false
}

// ready asks the user's ReadyToTrip; gobreaker's default is more than 5 failures
// in a row.
func ready(g *gobreaker.Settings, c gobreaker.Counts) bool {
	if g.ReadyToTrip == nil {
		return c.ConsecutiveFailures > 5
	}
	return g.ReadyToTrip(c)
}

var errFailed = errors.New("breaker: failed call")

// What gobreaker executes: calls that have already ended.
func succeeded() (any, error) { return nil, nil }
func failed() (any, error)    { return nil, errFailed }

// record takes a call's outcome, which is not Neutral. The Reason is not
// ReasonNone if the node is to be ejected.
func (j *judge) record(now int64, o Outcome, took time.Duration, err error) (Reason, error) {
	why, cause := j.count(now, o, took, err)
	switch {
	case o == Success && j.set.Load().gobreaker != nil:
		j.cb.Execute(succeeded)
	case o == Success:
		if !j.healed.Load() {
			j.healed.Store(true)
		}
	default:
		if j.healed.Swap(false) {
			j.cb.Execute(succeeded)
		}
		j.cb.Execute(failed)
		if v := Reason(j.verdict.Load()); v != ReasonNone {
			return v, err
		}
	}
	return why, cause
}

func (j *judge) count(now int64, o Outcome, took time.Duration, err error) (why Reason, cause error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.period.calls++
	if o == Success {
		j.period.successes++
	}
	for i := range j.windows {
		w := &j.windows[i]
		if !w.isBad(o, took) {
			w.add(now, 1, 0)
			continue
		}
		w.add(now, 1, 1)
		if calls, bad, sick := w.sick(now); sick && why == ReasonNone {
			why, cause = w.detector.reason(), &RateError{Calls: int(calls), Bad: int(bad), Window: w.detector.window, Last: err}
		}
	}
	return why, cause
}

// configure puts new settings in force; what was counted stays.
func (j *judge) configure(set *settings) {
	j.set.Store(set)
	j.mu.Lock()
	defer j.mu.Unlock()
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
