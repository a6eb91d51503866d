package breaker

import (
	"math/rand/v2"
	"time"
)

// source is who put a node out. Each has a latch of its own, so that what lifts
// one (the pool reconnects) leaves the others.
type source uint8

const (
	byPool  source = iota // an event of the pool
	byCalls               // a detector
	byHand                // Trip
	sources
)

// latch is one source's ejection. Once on it stays on, also half-open, until
// the node is closed; when until is past it keeps nobody out any more.
type latch struct {
	on     bool
	reason Reason
	cause  error
	until  time.Time
	lost   bool // of calls: those that tipped the scales were lost with their connection
}

// latches are a node's. The node's mu guards them.
type latches [sources]latch

// worst returns the latch that holds the longest, nil if none is on.
func (ls *latches) worst() *latch {
	var w *latch
	for i := range ls {
		if l := &ls[i]; l.on && (w == nil || l.until.After(w.until)) {
			w = l
		}
	}
	return w
}

// only reports whether s and no other source has put the node out.
func (ls *latches) only(s source) bool {
	for i := range ls {
		if ls[i].on != (source(i) == s) {
			return false
		}
	}
	return true
}

// ofPool reports whether the pool has put the node out, and nobody else but calls that were
// lost with the connections of which the pool speaks.
func (ls *latches) ofPool() bool {
	return ls[byPool].on && !ls[byHand].on && (!ls[byCalls].on || ls[byCalls].lost)
}

// extend puts a failed probe's cause into every latch that is on, and lets it
// hold until a time.
func (ls *latches) extend(until time.Time, cause error) {
	for i := range ls {
		if l := &ls[i]; l.on {
			l.reason, l.cause = ReasonProbeFailed, cause
			if until.After(l.until) {
				l.until = until
			}
		}
	}
}

// pace makes each ejection longer than the one before, and forgets that while
// the node is healthy. The node's mu guards it.
type pace struct {
	level int       // doublings that the next ejection gets
	calm  time.Time // closed since
}

// next returns how long an ejection that begins now lasts. closed tells whether
// the node was healthy until now.
func (p *pace) next(set *settings, now time.Time, closed bool) time.Duration {
	if closed && !p.calm.IsZero() {
		p.level = max(0, p.level-int(now.Sub(p.calm)/set.decay))
		p.calm = time.Time{}
	}
	d := p.time(set)
	if d < set.timeLimit {
		p.level++
	}
	return withJitter(d, set.jitter)
}

// same returns how long an ejection lasts that joins the one in force.
func (p *pace) same(set *settings) time.Duration {
	q := pace{level: max(0, p.level-1)}
	return withJitter(q.time(set), set.jitter)
}

func (p *pace) time(set *settings) time.Duration {
	d := set.firstTime
	for i := 0; i < p.level && d < set.timeLimit; i++ {
		d *= 2
	}
	return min(d, set.timeLimit)
}

// withJitter adds up to share of d.
func withJitter(d time.Duration, share float64) time.Duration {
	return d + time.Duration(rand.Float64()*share*float64(d))
}
