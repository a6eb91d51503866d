package breaker

import (
	"slices"
	"sync"
	"time"

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

// maxNotices bounds the changes that wait for a slow listener.
const maxNotices = 4096

// notice is a Change under way, and what else is to be called for it.
type notice struct {
	Change
	of    string // what kind of function call is
	call  func() // may be nil
	aside bool   // there is no Change
}

// notices delivers changes: all in the order in which they were put, one at a
// time, by a goroutine that lives only while there are some.
type notices struct {
	group *Group

	// mu guards what is below. It is taken under a node's mu, so nothing is called
	// under it.
	mu        sync.Mutex
	queue     []notice
	running   bool
	closed    bool
	lost      int
	listeners []*func(Change)
}

// put queues a notice, and never waits.
func (q *notices) put(n notice) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed || n.call == nil && len(q.listeners) == 0 {
		return
	}
	if len(q.queue) == maxNotices {
		q.queue = slices.Delete(q.queue, 0, 1)
		q.lost++
	}
	q.queue = append(q.queue, n)
	if !q.running {
		q.running = true
		go q.deliver()
	}
}

func (q *notices) deliver() {
	ended := false
	defer func() {
		if !ended { // a listener has ended the goroutine
			go q.deliver()
		}
	}()
	for {
		batch, listeners := q.take()
		if batch == nil {
			ended = true
			return
		}
		for _, n := range batch {
			if n.call != nil {
				q.group.contain(n.of, n.call)
			}
			if n.aside {
				continue
			}
			for _, l := range listeners {
				q.group.contain("listener", func() { (*l)(n.Change) })
			}
		}
	}
}

func (q *notices) take() ([]notice, []*func(Change)) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.queue) == 0 || q.closed {
		q.running = false
		return nil, nil
	}
	batch := q.queue
	q.queue = nil
	return batch, slices.Clone(q.listeners)
}

func (q *notices) subscribe(listener func(Change)) (cancel func()) {
	q.mu.Lock()
	defer q.mu.Unlock()
	l := &listener
	q.listeners = append(q.listeners, l)
	return func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		q.listeners = slices.DeleteFunc(q.listeners, func(o *func(Change)) bool { return o == l })
	}
}

func (q *notices) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed, q.queue = true, nil
}

func (q *notices) missed() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.lost
}

// Subscribe has listener called for every change from now on: outside of every
// lock, one call at a time, in order for each node. A listener may call the
// Group. While one blocks, the others wait, and at most 4096 changes with
// them; older ones are given up then (see Missed).
func (g *Group) Subscribe(listener func(Change)) (cancel func()) {
	if listener == nil {
		g.reject("Subscribe(nil)")
		return func() {}
	}
	return g.notices.subscribe(listener)
}

// Missed returns how many changes no listener was told of, because one blocked.
func (g *Group) Missed() int { return g.notices.missed() }
