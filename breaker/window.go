package breaker

import "time"

const partsPerWindow = 10

// window counts calls over a detector's rolling window, in parts of a tenth of
// its length, so that what is read covers between nine and ten tenths. Times
// are the group's clock: nanoseconds since it was made. It belongs to the judge
// whose lock guards it.
type window struct {
	detector Detector
	parts    [partsPerWindow]part

	// current is the part of the times in [from, to): to find it by division costs
	// more than all else.
	current  *part
	from, to int64
}

// part holds what happened in one tenth. It is stale, and counts as empty, when
// number is not one of the last ten.
type part struct {
	number     int64
	calls, bad uint32
}

func (w *window) number(now int64) int64 { return now / int64(w.detector.window/partsPerWindow) }

// add counts calls, of which bad were bad.
func (w *window) add(now int64, calls, bad uint32) {
	if w.current == nil || now < w.from || now >= w.to {
		if !w.turn(now) {
			return // its part has been taken over: too late to count
		}
	}
	w.current.calls += calls
	w.current.bad += bad
}

// turn makes the part of now the current one.
func (w *window) turn(now int64) bool {
	n := w.number(now)
	s := &w.parts[n%partsPerWindow]
	if s.number > n {
		return false
	}
	if s.number != n {
		*s = part{number: n}
	}
	width := int64(w.detector.window / partsPerWindow)
	w.current, w.from, w.to = s, n*width, (n+1)*width
	return true
}

// sum returns the counts of the window that ends now.
func (w *window) sum(now int64) (calls, bad uint32) {
	oldest := w.number(now) - partsPerWindow + 1
	for i := range w.parts {
		if s := &w.parts[i]; s.number >= oldest {
			calls += s.calls
			bad += s.bad
		}
	}
	return calls, bad
}

// sick reports whether the detector finds the calls' circuit sick. Those under way
// may yet be good.
func (w *window) sick(now, underWay int64) (calls, bad uint32, sick bool) {
	calls, bad = w.sum(now)
	if int(calls) < w.detector.volume || bad == 0 {
		return calls, bad, false
	}
	return calls, bad, float64(bad) >= w.detector.rate*float64(int64(calls)+underWay)
}

// isBad reports whether a call counts as bad here.
func (w *window) isBad(o Outcome, took time.Duration) bool {
	if w.detector.kind == slowCalls {
		return took > w.detector.slow
	}
	return o == Failure
}

// copyFrom copies what another window of the same kind has counted.
func (w *window) copyFrom(from *window) {
	width := int64(from.detector.window / partsPerWindow)
	for _, s := range from.parts {
		if s.calls > 0 {
			w.add(s.number*width, s.calls, s.bad)
		}
	}
}
