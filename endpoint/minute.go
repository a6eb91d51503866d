package endpoint

import (
	"context"
	"math/bits"
	"sync/atomic"
	"time"

	"github.com/muxkit/muxkit/muxpool/verdict"
)

// Minute is what has ended in the last minute, on a node or of a method: see (*Set).Measure.
type Minute struct {
	Over     time.Duration // of which time it is: up to a minute, and less since Measure, or since the node came
	Calls    uint64
	Outcomes map[string]uint64 // Calls by the words of Metrics; those that there were
	P50, P99 time.Duration     // how long those took that may have been sent, to an eighth, from 1 µs to 2 min; 0 if there were none
}

// Rate returns the calls that ended in a second.
func (m *Minute) Rate() float64 {
	if m.Over <= 0 {
		return 0
	}
	return float64(m.Calls) / max(m.Over, time.Second).Seconds()
}

// Measure has the Set count and time what ends, for the Minute in its Stats: each attempt for
// its node, each call, with its retries and waits, for its method. That costs a call about as
// much as four looks at the clock, no lock, and an allocation each five seconds for a node
// and a method; a node that is called takes 6 KB at most. It goes on until each Measure was stopped.
func (s *Set) Measure() (stop func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.timing.users.Add(1) == 1 {
		s.timing.since.Store(s.timing.now())
	}
	var stopped atomic.Bool
	return func() {
		if stopped.CompareAndSwap(false, true) {
			s.timing.users.Add(-1)
		}
	}
}

// timing is whether a Set measures, and by which clock.
type timing struct {
	epoch time.Time    // constant
	users atomic.Int32 // Measures that were not stopped
	since atomic.Int64 // when the first of them began
}

func (t *timing) on() bool { return t != nil && t.users.Load() > 0 }

func (t *timing) now() int64 { return int64(time.Since(t.epoch)) }

const (
	minuteWidth = int64(5 * time.Second)
	minuteParts = 12 // what is read covers between 55 s and a minute

	bucketBits  = 2  // so many steps, 1<<bucketBits, make a duration double
	bucketFrom  = 10 // the first bucket is below 1<<bucketFrom ns
	bucketTo    = 37 // the last one up to 1<<bucketTo ns
	bucketCount = 1 + (bucketTo-bucketFrom)<<bucketBits
)

// minute counts what ends, in parts of five seconds. A part is replaced whole by who comes first
// in its time, so that nobody clears what others count in; who was held up for a minute between finding
// his part and counting in it is lost.
type minute struct {
	born  int64 // on the clock of timing; constant
	parts [minuteParts]atomic.Pointer[minutePart]
}

type minutePart struct {
	number   int64 // of its five seconds, since the epoch
	outcomes [len(outcomes)]atomic.Uint32
	took     [bucketCount]atomic.Uint32
}

// add counts what has ended now, having begun at begin.
func (m *minute) add(begin, now int64, how outcome) {
	s := m.part(now / minuteWidth)
	if s == nil {
		return
	}
	s.outcomes[how].Add(1)
	if how != outcomeNotSent {
		s.took[bucketOf(now-begin)].Add(1)
	}
}

// part returns that of a number, nil if it is over.
func (m *minute) part(number int64) *minutePart {
	at := &m.parts[number%minuteParts]
	for {
		s := at.Load()
		switch {
		case s != nil && s.number == number:
			return s
		case s != nil && s.number > number:
			return nil
		}
		at.CompareAndSwap(s, &minutePart{number: number})
	}
}

// bucketOf is the place of a duration, in ns.
func bucketOf(took int64) int {
	log := bits.Len64(uint64(max(took, 0))) - 1
	switch {
	case log < bucketFrom:
		return 0
	case log >= bucketTo:
		return bucketCount - 1
	}
	step := took >> (log - bucketBits) & (1<<bucketBits - 1)
	return 1 + (log-bucketFrom)<<bucketBits + int(step)
}

// bucketMiddle is what the durations of a bucket are taken for.
func bucketMiddle(i int) time.Duration {
	if i == 0 {
		return 1 << (bucketFrom - 1)
	}
	log, step := bucketFrom+(i-1)>>bucketBits, int64((i-1)&(1<<bucketBits-1))
	lower := (1<<bucketBits + step) << (log - bucketBits)
	return time.Duration(lower + 1<<(log-bucketBits-1))
}

// last sums up; nil if nothing is measured.
func (m *minute) last(t *timing) *Minute {
	if !t.on() {
		return nil
	}
	now, begin := t.now(), max(t.since.Load(), m.born)
	oldest := max(now/minuteWidth-minuteParts+1, begin/minuteWidth)
	sum := &Minute{Over: time.Duration(now - max(begin, oldest*minuteWidth)), Outcomes: make(map[string]uint64)}
	var took [bucketCount]uint64
	timed := uint64(0)
	for i := range m.parts {
		s := m.parts[i].Load()
		if s == nil || s.number < oldest {
			continue
		}
		for how := range s.outcomes {
			if n := uint64(s.outcomes[how].Load()); n > 0 {
				sum.Outcomes[outcomes[how]] += n
				sum.Calls += n
			}
		}
		for i := range s.took {
			n := uint64(s.took[i].Load())
			took[i] += n
			timed += n
		}
	}
	sum.P50, sum.P99 = percentile(&took, timed, 50), percentile(&took, timed, 99)
	return sum
}

// percentile is how long at most so many in a hundred took.
func percentile(took *[bucketCount]uint64, all, percent uint64) time.Duration {
	want, seen := (all*percent+99)/100, uint64(0)
	for i, n := range took {
		if seen += n; n > 0 && seen >= want {
			return bucketMiddle(i)
		}
	}
	return 0
}

// measured makes a call, or an attempt, that is counted. One that panics counts as for Instrumenting.
func (m *minute) measured(ctx context.Context, t *timing, do func() (any, error)) (response any, err error) {
	begin, how := t.now(), outcomeOf(broken)
	defer func() { m.add(begin, t.now(), how) }()
	response, err = do()
	how = outcomeOf(verdict.Call(ctx, response, err))
	return response, err
}
