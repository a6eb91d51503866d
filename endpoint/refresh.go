package endpoint

import (
	"math"
	"math/rand/v2"
	"sync/atomic"
	"time"
)

// Refresher is an Instancer that can look at once, without waiting for its next turn: one
// that polls DNS each 30 seconds, say. A Set asks it to when none of its nodes takes calls,
// or it knows none.
//
// Refresh is called on a goroutine of its own, and not again before it has returned. It
// should start the look and return; what it finds comes as an event.
type Refresher interface {
	Refresh()
}

// defaultRefreshInterval is the default of WithRefreshInterval.
const defaultRefreshInterval = time.Second

// WithRefreshInterval sets how much time a Set lets pass, at least, before it asks a
// Refresher again; up to a quarter is added by chance. Default a second.
func WithRefreshInterval(d time.Duration) Option {
	return func(c *config) {
		if d < 0 {
			c.reject("WithRefreshInterval(%v) is negative", d)
			return
		}
		c.refreshInterval = d
	}
}

// asking is what a Set knows of its Refresher. It is safe for concurrent use.
type asking struct {
	refresher Refresher    // nil: there is none
	epoch     time.Time    // constant
	next      atomic.Int64 // when it may be asked again, in ns since epoch
	busy      atomic.Bool  // it has not returned
}

// after is when discovery may be asked again, from now on: a moment, if it may be now.
func (a *asking) after() time.Duration {
	return max(time.Duration(a.next.Load())-time.Since(a.epoch), time.Millisecond)
}

// askAgain has discovery look, if it can, and was not asked a moment ago. Callers who find
// no node that takes calls call it, all of them: it never waits, and costs little.
func (s *Set) askAgain() {
	a := &s.asking
	if a.refresher == nil {
		return
	}
	now, next := int64(time.Since(a.epoch)), a.next.Load()
	if now < next {
		return
	}
	interval := s.cfg.refreshInterval
	if interval == 0 {
		interval = defaultRefreshInterval
	}
	pause := interval + rand.N(interval/4+1)
	if pause < 0 || now+int64(pause) < 0 { // as good as for ever
		pause = time.Duration(math.MaxInt64 - now)
	}
	if !a.next.CompareAndSwap(next, now+int64(pause)) {
		return // somebody else does
	}
	if a.busy.CompareAndSwap(false, true) {
		go s.refresh()
	}
}

func (s *Set) refresh() {
	defer s.asking.busy.Store(false)
	s.mu.Lock()
	closed := s.closed
	s.mu.Unlock()
	if !closed {
		s.guard("asking discovery to look", func() { s.asking.refresher.Refresh() })
	}
}
