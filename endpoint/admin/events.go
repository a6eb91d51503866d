package admin

import (
	"slices"
	"sync"
	"time"

	"github.com/muxkit/muxkit/breaker"
	"github.com/muxkit/muxkit/muxpool"
)

// event is what happened, perhaps several times.
type event struct {
	First time.Time `json:"first"`
	Last  time.Time `json:"last"`
	Count int       `json:"count"`
	occasion
	Attempt int    `json:"attempt,omitempty"` // of the last
	Error   string `json:"error,omitempty"`   // likewise
}

// occasion is what events have in common that are one line.
type occasion struct {
	Of       string `json:"of"`   // pool, breakers or set
	Name     string `json:"name"` // which
	Node     string `json:"node"`
	Identity string `json:"identity,omitempty"` // of a pool's
	Service  string `json:"service,omitempty"`  // of breakers
	Method   string `json:"method,omitempty"`   // likewise; empty: the node as a whole
	What     string `json:"what"`
	Reason   string `json:"reason,omitempty"`
	By       string `json:"by,omitempty"` // of an operator's: the address from which he asked
}

// history is what a page tells of events.
type history struct {
	Events   []event `json:"lines"`     // the newest first
	LetGo    uint64  `json:"let_go"`    // events of before
	NotHeard uint64  `json:"not_heard"` // since they came faster than they were heard
}

// foldTime is how long after its last event a line takes another one.
const foldTime = time.Minute

// events are those that were heard of last.
type events struct {
	max int // lines

	// mu is a leaf: nothing is called while it is held. It guards what is below.
	mu       sync.Mutex
	lines    []event // in the order in which their last events were heard
	letGo    uint64
	notHeard uint64
	closed   bool
}

// add takes an event: as one more of its line, or as a line of its own.
func (h *events) add(e event, lost int) {
	e.First, e.Last, e.Count = e.Last.UTC(), e.Last.UTC(), 1
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return
	}
	h.notHeard += uint64(max(lost, 0))
	for i := len(h.lines) - 1; i >= 0; i-- {
		if was := &h.lines[i]; was.occasion == e.occasion && e.Last.Sub(was.Last) < foldTime {
			e.First, e.Count = was.First, was.Count+1
			h.lines = append(slices.Delete(h.lines, i, i+1), e)
			return
		}
	}
	if len(h.lines) == h.max {
		h.letGo += uint64(h.lines[0].Count)
		h.lines = slices.Delete(h.lines, 0, 1)
	}
	h.lines = append(h.lines, e)
}

// told is what was heard.
func (h *events) told() history {
	h.mu.Lock()
	defer h.mu.Unlock()
	lines := append([]event{}, h.lines...)
	slices.Reverse(lines)
	slices.SortStableFunc(lines, func(a, b event) int { return b.Last.Compare(a.Last) }) // pools and breakers are heard apart
	return history{lines, h.letGo, h.notHeard}
}

// close has what comes later ignored.
func (h *events) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
}

// ofOperator tells what an operator has done.
func (h *events) ofOperator(to subject, what, by string, now time.Time) {
	h.add(event{Last: now, occasion: occasion{Of: to.part, Name: to.name, Node: to.node, What: what, By: by}}, 0)
}

// ofPool hears a pool's events.
func (h *events) ofPool(name string) func(muxpool.Event) {
	return func(ev muxpool.Event) {
		o := occasion{Of: "pool", Name: name, Node: clean(ev.Node.String()), Identity: clean(ev.Identity.String()), What: ev.Kind.String()}
		if ev.Bulk {
			o.What += ", bulk"
		}
		if ev.Reason != muxpool.ReasonNone {
			o.Reason = ev.Reason.String()
		}
		h.add(event{Last: ev.Time, occasion: o, Attempt: ev.Attempt, Error: cause(ev.Err)}, ev.Lost)
	}
}

// ofBreakers hears a group's changes.
func (h *events) ofBreakers(name string) func(breaker.Change) {
	return func(ch breaker.Change) {
		o := occasion{Of: "breakers", Name: name, Node: clean(ch.Node.String()), Service: clean(ch.Scope), Method: clean(ch.Method),
			What: ch.From.String() + " to " + ch.To.String()}
		if ch.Observed {
			o.What += ", observed"
		}
		if ch.Reason != breaker.ReasonNone {
			o.Reason = ch.Reason.String()
		}
		h.add(event{Last: ch.Time, occasion: o, Error: cause(ch.Cause)}, 0)
	}
}
