package muxpool

import (
	"slices"
	"sync"
	"sync/atomic"
)

// events delivers events to the subscribers, one at a time, in the order in
// which they were posted, on a goroutine that lives only while there are some.
// Since a node posts under its lock, that order is also the order per node.
type events struct {
	// mu is a leaf: nothing is locked and nobody is called while it is held.
	mu         sync.Mutex
	queue      []posted
	delivering bool
	listeners  []*listener // replaced, never changed: a delivery may hold the old one
}

// posted is an event and who listened when it happened.
type posted struct {
	Event
	listeners []*listener
}

type listener struct {
	call func(Event)
	gone atomic.Bool // cancelled: no call begins after that
}

func (e *events) subscribe(call func(Event)) (cancel func()) {
	l := &listener{call: call}
	e.mu.Lock()
	e.listeners = append(slices.Clone(e.listeners), l)
	e.mu.Unlock()
	return func() {
		e.mu.Lock()
		e.listeners = slices.DeleteFunc(slices.Clone(e.listeners), func(x *listener) bool { return x == l })
		e.mu.Unlock()
		l.gone.Store(true)
	}
}

// post queues ev. It never waits.
func (e *events) post(ev Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.listeners) == 0 {
		return
	}
	e.queue = append(e.queue, posted{ev, e.listeners})
	if !e.delivering {
		e.delivering = true
		go e.deliver()
	}
}

func (e *events) deliver() {
	for {
		e.mu.Lock()
		queue := e.queue
		if e.queue = nil; len(queue) == 0 {
			e.delivering = false
			e.mu.Unlock()
			return
		}
		e.mu.Unlock()
		for _, ev := range queue {
			for _, l := range ev.listeners {
				if !l.gone.Load() {
					l.call(ev.Event)
				}
			}
		}
	}
}
