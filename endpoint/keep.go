package endpoint

import (
	"math"
	"time"
)

// For WithKeepNodes.
const (
	// KeepForever keeps the nodes until discovery names others.
	KeepForever time.Duration = math.MaxInt64
	// DropAtOnce keeps no node that discovery does not name.
	DropAtOnce time.Duration = math.MinInt64
)

// Defaults of WithKeepNodes.
const (
	defaultKeepEmpty  = time.Minute
	defaultKeepFailed = KeepForever
)

// keepTimes is how long nodes are kept that discovery does not name any more, but no others
// instead.
type keepTimes struct{ empty, failed time.Duration }

func (k keepTimes) of(failed bool) time.Duration {
	d, otherwise := k.empty, defaultKeepEmpty
	if failed {
		d, otherwise = k.failed, defaultKeepFailed
	}
	if d == 0 {
		return otherwise
	}
	return d
}

// WithKeepNodes sets for how long a Set keeps its last nodes when discovery names none:
// after an event whose list is empty, or in which nothing is a node (empty, default a
// minute), and after an event that tells an error (failed, default KeepForever). The time
// runs from the first such event of a row; an error after an empty list, or an empty list
// after an error, begins a row. When it is over the nodes are dropped, and calls fail with
// a NoNodesError and, after errors, the row's first one.
//
// Nodes that discovery names again in time were never touched: their connections, breakers
// and loads go on. KeepForever and DropAtOnce are what they say; zero is the default.
func WithKeepNodes(empty, failed time.Duration) Option {
	return func(c *config) {
		for _, d := range []time.Duration{empty, failed} {
			if d < 0 && d != DropAtOnce {
				c.reject("WithKeepNodes(%v, %v): %v is negative, and not DropAtOnce", empty, failed, d)
				return
			}
		}
		c.keep = keepTimes{empty, failed}
	}
}

// WithInvalidateOnError sets for how long the nodes are kept while discovery tells nothing
// but errors. Zero drops them at once.
//
// Deprecated: use WithKeepNodes, which says zero as DropAtOnce.
func WithInvalidateOnError(d time.Duration) Option {
	return func(c *config) {
		switch {
		case d < 0:
			c.reject("WithInvalidateOnError(%v) is negative", d)
		case d == 0:
			c.keep.failed = DropAtOnce
		default:
			c.keep.failed = d
		}
	}
}

// keeping is a time in which nodes are kept. It ends once: when discovery names nodes, or
// its row does, or its time is over.
type keeping struct {
	failed bool        // the row is one of errors, not of empty lists
	timer  *time.Timer // nil: for ever
}

// lack follows an event that names no node; mu is held. It returns the nodes that are to go.
func (s *Set) lack(failed bool) (gone []*member) {
	if len(s.order) == 0 || s.keep != nil && s.keep.failed == failed {
		return nil
	}
	s.stopKeeping()
	d := s.cfg.keep.of(failed)
	if d == DropAtOnce {
		return s.dropAll()
	}
	k := &keeping{failed: failed}
	s.keep = k
	length := "until it names nodes"
	if d != KeepForever {
		length = d.String()
		k.timer = time.AfterFunc(d, func() { s.lane.push(func() { s.keptLongEnough(k) }) })
	}
	why := "discovery names no node"
	if failed {
		why = "discovery fails"
	}
	s.log("msg", why+": its last nodes are kept", "nodes", len(s.order), "for", length)
	return nil
}

// keptLongEnough drops the nodes, unless k has ended.
func (s *Set) keptLongEnough(k *keeping) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.keep == k {
		s.stopKeeping()
		s.log("msg", "discovery has named no node for too long: the last ones are dropped", "nodes", len(s.order))
		s.dropped(s.dropAll())
	}
}

// stopKeeping ends the time, if there is one; mu is held.
func (s *Set) stopKeeping() {
	if s.keep != nil && s.keep.timer != nil {
		s.keep.timer.Stop()
	}
	s.keep = nil
}
