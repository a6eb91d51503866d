package endpoint

import (
	"cmp"
	"time"

	"github.com/muxkit/muxkit/muxpool"
)

const (
	slowStartTime = 3 * time.Second // default
	slowStart0    = full / 16       // the share of a node that comes back at this moment
)

// WithSlowStart sets for how long a node that comes back gets less than its share of the
// calls: from a sixteenth on evenly more, to all of it after d. That is one whose breaker was
// open, and one that joins a Set in which there are others. It has caches to fill, and
// where nodes are chosen by their calls in flight, it would get all of them at once.
// Default 3 s. It moves calls between nodes and refuses none: a node that nobody else
// stands beside gets all, and so do nodes that come at the same time. It is for all methods of a Set: (*Set).Endpoint refuses it.
func WithSlowStart(d time.Duration) Option {
	return func(c *config) {
		if d < 0 {
			c.reject("WithSlowStart(%v) is negative", d)
			return
		}
		c.slowStart, c.noSlowStart = d, false
	}
}

// WithoutSlowStart gives a node that comes back its full share at once.
func WithoutSlowStart() Option {
	return func(c *config) { c.slowStart, c.noSlowStart = 0, true }
}

// start begins the slow start of a node that came back at a time.
func (c *config) start(m *member, at time.Time) {
	if c.noSlowStart || at.IsZero() {
		return
	}
	m.weight.start(at, cmp.Or(c.slowStart, slowStartTime))
}

// returned tells the weight of a node when its breaker closed last.
func (c *config) returned(e *candidate) {
	if g, tells := e.guard.(interface{ Back() time.Time }); tells {
		c.start(e.member, g.Back())
	}
}

// joins is newMember for a node that others stand beside.
func (c *config) joins(node muxpool.Node, others bool) *member {
	m := newMember(node)
	if others {
		c.start(m, time.Now())
	}
	return m
}

// ramp is one slow start.
type ramp struct{ from, over time.Duration } // since the weight's epoch

// start begins the ramp of a node that came back at a time, unless that one or a later one
// runs, or would be over.
func (w *weight) start(at time.Time, over time.Duration) {
	next := &ramp{at.Sub(w.epoch), over}
	for time.Since(at) < over {
		old := w.rising.Load()
		if old != nil && old.from >= next.from || w.rising.CompareAndSwap(old, next) {
			w.moved()
			return
		}
	}
}

// risen is how much of a share the slow start has left, at a time since the weight's epoch.
func (w *weight) risen(r *ramp, now time.Duration) int64 {
	if passed := now - r.from; passed < r.over {
		return slowStart0 + int64(float64(full-slowStart0)*max(0, float64(passed)/float64(r.over)))
	}
	w.rising.CompareAndSwap(r, nil)
	return full
}
