package breaker

import (
	"cmp"
	"errors"
	"math"
	"slices"
	"time"
)

// apply returns s with opts on top, or every error in opts. s stays as it is.
func (s settings) apply(opts []Option) (settings, error) {
	s.invalid, s.groupWide, s.groupOnly = nil, nil, nil
	for _, o := range opts {
		if o == nil {
			s.reject("a nil Option")
			continue
		}
		o(&s)
	}
	s.checkDeviation()
	return s, errors.Join(s.invalid...)
}

// forNode returns s with a node's own opts on top, and with every default put
// in.
func (s settings) forNode(opts []Option) (*settings, error) {
	group := s.deviation()
	s, err := s.apply(opts)
	if err == nil && len(s.groupWide) > 0 {
		s.reject("%s is for a group, not for one node", s.groupWide[0])
	}
	if d := s.deviation(); d != nil && (group == nil || *d != *group) {
		s.reject("Deviation compares nodes: one node cannot have its own")
	}
	s.fill()
	return &s, errors.Join(s.invalid...)
}

// fill replaces zeros by defaults.
func (s *settings) fill() {
	if g := s.gobreaker; g != nil {
		s.firstTime = cmp.Or(s.firstTime, min(max(g.Timeout, 0), maxEjectionTime), 60*time.Second)
		s.probes = cmp.Or(s.probes, int(min(g.MaxRequests, math.MaxInt32)))
	} else if !s.ownDetectors {
		s.detectors = []Detector{ConsecutiveFailures(0), FailureRate(0, 0, 0)}
	}
	if s.policy == nil {
		s.policy = DefaultEventPolicy
	}
	s.firstTime = cmp.Or(s.firstTime, 500*time.Millisecond)
	s.timeLimit = max(cmp.Or(s.timeLimit, 30*time.Second), s.firstTime)
	if !s.noJitter {
		s.jitter = cmp.Or(s.jitter, 0.2)
	}
	s.decay = cmp.Or(s.decay, 10*time.Second)
	s.probes = cmp.Or(s.probes, 1)
	s.probeTimeout = cmp.Or(s.probeTimeout, 3*time.Second)
	s.probeEvery = cmp.Or(s.probeEvery, longestProbe)
	s.slow = s.slowest()
	s.inRow, s.memory = s.fewestInRow(), s.longest()
}

func (s *settings) shareCap() float64         { return cmp.Or(s.maxEjection, 0.5) }
func (s *settings) forgetTime() time.Duration { return cmp.Or(s.forget, 10*time.Minute) }

// deviation returns the Deviation detector, nil if there is none.
func (s *settings) deviation() *Detector {
	i := slices.IndexFunc(s.detectors, func(d Detector) bool { return d.kind == deviation })
	if i < 0 {
		return nil
	}
	return &s.detectors[i]
}

func (s *settings) checkDeviation() {
	n := 0
	for _, d := range s.detectors {
		if d.kind == deviation {
			n++
		}
	}
	if n > 1 {
		s.reject("WithDetectors: %d times Deviation", n)
	}
}

// fewestInRow returns how many failures in a row suffice.
func (s *settings) fewestInRow() int {
	least := math.MaxInt
	for _, d := range s.detectors {
		if d.kind == consecutive {
			least = min(least, d.count)
		}
	}
	return least
}

// longest returns the longest window of the detectors, 10 s without one.
func (s *settings) longest() (most time.Duration) {
	for _, d := range s.detectors {
		most = max(most, d.window)
	}
	return cmp.Or(most, 10*time.Second)
}

// slowest returns the shortest threshold of the SlowCalls detectors, 0 if there
// is none.
func (s *settings) slowest() time.Duration {
	var least time.Duration
	for _, d := range s.detectors {
		if d.kind == slowCalls && (least == 0 || d.slow < least) {
			least = d.slow
		}
	}
	return least
}
