package muxpool

import (
	"slices"
	"sync"
)

// eventsMax is how many events may wait for one subscriber.
const eventsMax = 1024

// events delivers events to the subscribers: to each one at a time, in the order in which
// they were posted, on a goroutine of its own that lives only while there are some. So one
// that blocks makes nobody else deaf. Since a node posts under its lock, that order is
// also the order per node.
type events struct {
	// mu is a leaf: nothing is locked and nobody is called while it is held. It guards
	// the listeners, too.
	mu        sync.Mutex
	listeners []*listener
	lost      uint64 // in all

	run func(func()) // starts a goroutine
}

// listener is a subscriber. Its queue is bounded: of more events the oldest are lost, so
// that the last that it hears tells how things are.
type listener struct {
	call       func(Event)
	queue      []Event
	lost       int  // since the last event that it heard
	delivering bool // a goroutine calls it, or is about to
	gone       bool // cancelled: no call begins any more
}

func (e *events) subscribe(call func(Event)) (cancel func()) {
	l := &listener{call: call}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.listeners = append(e.listeners, l)
	return func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.listeners = slices.DeleteFunc(e.listeners, func(x *listener) bool { return x == l })
		l.gone, l.queue = true, nil
	}
}

// post queues ev. It never waits.
func (e *events) post(ev Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, l := range e.listeners {
		if len(l.queue) == eventsMax {
			l.queue[0] = Event{}
			l.queue = l.queue[1:]
			e.miss(l)
		}
		l.queue = append(l.queue, ev)
		if !l.delivering {
			l.delivering = true
			e.run(func() { e.deliver(l) })
		}
	}
}

// miss counts an event that l does not get; mu is held.
func (e *events) miss(l *listener) {
	l.lost++
	e.lost++
}

// missed is how many events subscribers did not get.
func (e *events) missed() uint64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.lost
}

// deliver is the goroutine that calls l.
func (e *events) deliver(l *listener) {
	for {
		e.mu.Lock()
		if l.gone || len(l.queue) == 0 {
			l.queue, l.delivering = nil, false
			e.mu.Unlock()
			return
		}
		ev := l.queue[0]
		l.queue[0] = Event{}
		l.queue = l.queue[1:]
		ev.Lost, l.lost = l.lost, 0
		e.mu.Unlock()
		if !e.tell(l, ev) {
			return
		}
	}
}

// tell calls l with ev. What it panics at counts as lost. It returns false if somebody
// else has to go on, since this goroutine ends (runtime.Goexit).
func (e *events) tell(l *listener, ev Event) (again bool) {
	defer func() {
		if again {
			return
		}
		again = recover() != nil
		e.mu.Lock()
		l.lost += ev.Lost
		e.miss(l)
		e.mu.Unlock()
		if !again {
			e.run(func() { e.deliver(l) })
		}
	}()
	l.call(ev)
	return true
}
