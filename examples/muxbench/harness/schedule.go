package harness

import (
	"math/rand/v2"
	"time"
)

// schedule says when the calls of an open loop are due: independently of each other, as
// those of many users are (a Poisson process), and the same for every contender.
type schedule struct {
	gap  time.Duration // between two calls, on average
	next time.Duration // since the start
	rng  *rand.Rand
}

func newSchedule(rate int) *schedule {
	return &schedule{gap: time.Second / time.Duration(rate), rng: rand.New(rand.NewPCG(1, uint64(rate)))}
}

// due returns when the next call is due, since the start.
func (s *schedule) due() time.Duration {
	s.next += time.Duration(s.rng.ExpFloat64() * float64(s.gap))
	return s.next
}
