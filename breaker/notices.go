package breaker

import (
	"slices"
	"sync"
	"time"

	"github.com/sony/gobreaker"

	"github.com/muxkit/muxkit/muxpool"
)

// Change tells that a breaker changed its state.
type Change struct {
	Node       muxpool.Node
	Scope      string // the service, "" for the group itself
	Method     string // "": the node as a whole
	From, To   State
	Reason     Reason
	Cause      error         // see OpenError; nil where nothing failed
	RetryAfter time.Duration // for To Open: the ejection's time; 0 if it has no end
	Time       time.Time
	Observed   bool // WithObserveOnly: calls pass all the same
}

// maxNotices bounds what waits for one slow listener.
const maxNotices = 4096

// notices tells listeners of changes: all in the order in which they were put, one at a
// time, by a teller, a goroutine that lives only while there are some. One that takes longer
// than patience is passed: what concerns it waits for it alone.
type notices struct {
	group *Group

	// mu guards what is below, and all ears. It is taken under a node's mu, so nothing is
	// called under it.
	mu        sync.Mutex
	listeners []*ear       // of Subscribe
	others    map[any]*ear // with something to hear: each OnStateChange, by its settings, and the panic listener
	number    uint64       // of the notice that was put last
	teller    *teller      // nil: there is nothing to tell, but to who was passed
	closed    bool
	lost      int
}

// ear is one function of the user's, and what it is to hear.
type ear struct {
	of     string // what kind of function it is
	hear   func(Change)
	queue  []notice
	passed bool // a teller of its own goes on with the queue
}

// notice is one call of an ear's function.
type notice struct {
	number uint64
	call   func()
}

// change queues a change for all listeners, and never waits.
func (q *notices) change(ch Change) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, e := range q.listeners {
		q.put(e, func() { e.hear(ch) })
	}
	q.tell()
}

// stateChange queues a change for the OnStateChange of a gobreaker's settings.
func (q *notices) stateChange(st *gobreaker.Settings, name string, from, to State) {
	q.aside(st, "OnStateChange", func() { st.OnStateChange(name, stateOf(from), stateOf(to)) })
}

// aside queues a call of a function, known by key, that is no listener.
func (q *notices) aside(key any, of string, call func()) {
	q.mu.Lock()
	defer q.mu.Unlock()
	e := q.others[key]
	if e == nil && !q.closed {
		if q.others == nil {
			q.others = make(map[any]*ear)
		}
		e = &ear{of: of}
		q.others[key] = e
	}
	q.put(e, call)
	q.tell()
}

// put queues a call; of more than there is room for the oldest is lost. mu is held.
func (q *notices) put(e *ear, call func()) {
	if q.closed {
		return
	}
	q.number++
	if len(e.queue) == maxNotices {
		e.queue = slices.Delete(e.queue, 0, 1)
		q.lost++
	}
	e.queue = append(e.queue, notice{q.number, call})
}

func (q *notices) subscribe(listener func(Change)) (cancel func()) {
	q.mu.Lock()
	defer q.mu.Unlock()
	e := &ear{of: "listener", hear: listener}
	q.listeners = append(q.listeners, e)
	return func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		q.listeners = slices.DeleteFunc(q.listeners, func(o *ear) bool { return o == e })
		e.queue = nil
	}
}

func (q *notices) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	for _, e := range q.listeners {
		e.queue = nil
	}
	for _, e := range q.others {
		e.queue = nil
	}
}

func (q *notices) missed() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.lost
}

// Subscribe has listener called for every change from now on: outside of every
// lock, one call at a time, in order for each node. A listener may call the
// Group. One that takes longer than a quarter of a second is no longer waited for: the others
// hear what comes, and at most 4096 changes wait for it; older ones are given up then (see
// Missed). What it panics at, or ends its goroutine for, the others hear all the same.
func (g *Group) Subscribe(listener func(Change)) (cancel func()) {
	if listener == nil {
		g.reject("Subscribe(nil)")
		return func() {}
	}
	return g.notices.subscribe(listener)
}

// Missed returns how many changes some listener was not told of, because it blocked; of
// several listeners together.
func (g *Group) Missed() int { return g.notices.missed() }
