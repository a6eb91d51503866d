package transport

import (
	"sync"
	"time"
)

const (
	// idleWorkers is how many goroutines a Service keeps between calls: their stacks
	// have grown to what the calls need.
	idleWorkers = 256
	// idleWorkerTime is how long one is kept that is not needed, and half of how long
	// at most.
	idleWorkerTime = 750 * time.Millisecond
)

// job is what a worker does: a call and those that wait behind it, or those that wait
// on a connection.
type job interface{ work(*Service) }

// dispatch runs a call of account a on a worker, or lets it wait for one. Its error is
// the answer of a call for which there is no room.
func (s *Service) dispatch(a *account, call *serverCall) error {
	now, refused := s.door.line.join(&a.waiting, call, s.limits.MaxWaiting)
	switch {
	case refused != admitted:
		return s.limits.refuse(refused)
	case now:
		s.start(call)
	}
	return nil
}

// work implements job, under ServiceWorkers: it runs c, and then calls that wait. If one
// of them ends the goroutine, another goes on in its place.
func (c *serverCall) work(s *Service) {
	ended := true
	defer func() {
		if !ended {
			return
		}
		if next := s.door.line.next(); next != nil {
			s.start(next)
		}
	}()
	for call := c; call != nil; call = s.door.line.next() {
		s.run(call)
	}
	ended = false
}

// workers are the idle goroutines of a Service.
type workers struct {
	// mu is a leaf. It guards the fields below.
	mu     sync.Mutex
	idle   []chan job  // each of one idle goroutine, with space for one job; closed to end it
	least  int         // the fewest there were since the last trim
	timer  *time.Timer // to trim; nil: there is none
	closed bool
}

// start has j done. The worker that came last goes first: its stack is in the caches,
// and those at the bottom are seen to be too many.
func (s *Service) start(j job) {
	w := &s.workers
	w.mu.Lock()
	last := len(w.idle) - 1
	if last < 0 {
		w.mu.Unlock()
		go s.worker(j)
		return
	}
	next := w.idle[last]
	w.idle[last] = nil
	w.idle = w.idle[:last]
	w.least = min(w.least, last)
	w.mu.Unlock()
	next <- j
}

// worker does j, and then what start hands to it.
func (s *Service) worker(j job) {
	next := make(chan job, 1)
	for ok := true; ok; {
		j.work(s)
		if !s.workers.rest(next) {
			return
		}
		j, ok = <-next
	}
}

// rest makes a worker idle. It reports false if it is to end.
func (w *workers) rest(next chan job) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed || len(w.idle) >= idleWorkers {
		return false
	}
	w.idle = append(w.idle, next)
	if w.timer == nil {
		w.least = 0
		w.timer = time.AfterFunc(idleWorkerTime, w.trim)
	}
	return true
}

// trim ends the workers that were idle all the time since the last trim.
func (w *workers) trim() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return
	}
	for _, next := range w.idle[:w.least] {
		close(next)
	}
	n := copy(w.idle, w.idle[w.least:])
	clear(w.idle[n:])
	w.idle = w.idle[:n]
	if w.least = n; n == 0 {
		w.timer = nil // the next to rest sets it
		return
	}
	w.timer.Reset(idleWorkerTime)
}

// close ends the idle workers at once, and the others after what they are at.
func (w *workers) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	if w.timer != nil {
		w.timer.Stop()
	}
	for _, next := range w.idle {
		close(next)
	}
	w.idle = nil
}
