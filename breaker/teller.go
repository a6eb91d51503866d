package breaker

import "time"

const (
	// patience is how long a listener may hold up the others: so many looks at it, that long
	// apart. Time in which this process did not run is one look, however long it is.
	patience      = 250 * time.Millisecond
	patienceLooks = 10
)

// teller is a goroutine that calls listeners until there is nothing to tell. One that was
// passed goes on with the ear that it is at, alone.
type teller struct {
	// The notices' mu guards what is below.
	at    *ear // whose function it calls, or has called
	looks int  // while it was at that
	timer *time.Timer
}

// tell has a teller go, if there is something to tell and none does. mu is held.
func (q *notices) tell() {
	if q.teller == nil && q.first() != nil {
		q.teller = &teller{}
		q.send(q.teller)
	}
}

func (q *notices) send(t *teller) {
	t.timer = time.AfterFunc(patience/patienceLooks, func() { q.late(t) })
	go q.work(t)
}

// first is the ear that is to hear next; nil: none. mu is held.
func (q *notices) first() (first *ear) {
	least := func(e *ear) {
		if len(e.queue) > 0 && !e.passed && (first == nil || e.queue[0].number < first.queue[0].number) {
			first = e
		}
	}
	for _, e := range q.listeners {
		least(e)
	}
	for _, e := range q.others {
		least(e)
	}
	return first
}

func (q *notices) work(t *teller) {
	defer q.ended(t) // also if a function ends its goroutine
	for call := q.next(t); call != nil; call = q.next(t) {
		q.group.contain(t.at.of, call)
	}
}

// next is t's next call; nil: there is none.
func (q *notices) next(t *teller) func() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.heard(t.at)
	if q.teller == t {
		t.at = q.first()
	}
	if t.at == nil || len(t.at.queue) == 0 {
		return nil
	}
	if t.looks = 0; q.teller == t {
		t.timer.Reset(patience / patienceLooks)
	}
	call := t.at.queue[0].call
	t.at.queue[0] = notice{}
	t.at.queue = t.at.queue[1:]
	return call
}

// heard forgets an ear that is no listener's, when there is nothing more for it. mu is held.
func (q *notices) heard(e *ear) {
	if e == nil || e.passed || len(e.queue) > 0 {
		return
	}
	for key, o := range q.others {
		if o == e {
			delete(q.others, key)
		}
	}
}

// late is the timer's function: another teller takes over if t is at the same for too long.
func (q *notices) late(t *teller) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.teller != t || t.at == nil {
		return
	}
	if t.looks++; t.looks < patienceLooks {
		t.timer.Reset(patience / patienceLooks)
		return
	}
	t.at.passed = true
	q.teller = nil
	q.tell()
}

// ended hears that t's goroutine ends: there is nothing more for it to tell, or a function
// has ended it.
func (q *notices) ended(t *teller) {
	q.mu.Lock()
	defer q.mu.Unlock()
	t.timer.Stop()
	switch {
	case q.teller == t:
		q.teller = nil
		q.tell()
	case len(t.at.queue) > 0:
		q.send(&teller{at: t.at})
	default:
		t.at.passed = false
		q.heard(t.at)
	}
}
