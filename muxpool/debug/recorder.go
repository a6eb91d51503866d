package debug

import (
	"sync"
	"time"

	"github.com/muxkit/muxkit/internal/text"
	"github.com/muxkit/muxkit/muxpool"
)

// DefaultEvents is how many events a Recorder keeps unless told otherwise.
const DefaultEvents = 100

// Event is a muxpool.Event as it is shown. Its texts are harmless and bounded.
type Event struct {
	Time     time.Time `json:"time"`
	Kind     string    `json:"kind"`
	Bulk     bool      `json:"bulk,omitempty"` // of the bulk connection
	Network  string    `json:"network"`
	Address  string    `json:"address"`
	Identity string    `json:"identity"`
	Reason   string    `json:"reason,omitempty"` // empty where nothing failed
	Attempt  int       `json:"attempt,omitempty"`
	Error    string    `json:"error,omitempty"`
	Lost     int       `json:"lost,omitempty"` // events right before this one that were not heard
}

// Recorder keeps the last events of a pool. It is safe for concurrent use. It
// has no goroutine; Close ends its subscription.
type Recorder struct {
	cancel func()

	// mu is a leaf: nothing is called while it is held.
	mu   sync.Mutex
	ring []Event // the oldest is at next, once it is full
	next int
	max  int
}

// NewRecorder begins to keep the last n events of the pool; DefaultEvents of
// them if n is below 1. Events of before are not known.
func NewRecorder(pool Pool, n int) *Recorder {
	if n < 1 {
		n = DefaultEvents
	}
	r := &Recorder{max: n}
	r.cancel = pool.Subscribe(r.record)
	return r
}

// Close ends the recording. What was recorded may still be read. It may be
// called again.
func (r *Recorder) Close() { r.cancel() }

// Events returns what is kept, the oldest first.
func (r *Recorder) Events() []Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := make([]Event, 0, len(r.ring))
	all = append(all, r.ring[r.next:]...)
	return append(all, r.ring[:r.next]...)
}

func (r *Recorder) record(ev muxpool.Event) {
	e := Event{
		Time: ev.Time, Kind: ev.Kind.String(), Bulk: ev.Bulk, Attempt: ev.Attempt,
		Network: clean(ev.Node.Network), Address: clean(ev.Node.Address), Identity: clean(ev.Identity.String()), Lost: ev.Lost,
	}
	if ev.Reason != muxpool.ReasonNone {
		e.Reason = ev.Reason.String()
	}
	if ev.Err != nil {
		e.Error = text.Said(ev.Err.Error(), maxText)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.ring) < r.max {
		r.ring = append(r.ring, e)
		return
	}
	r.ring[r.next] = e
	r.next = (r.next + 1) % r.max
}
