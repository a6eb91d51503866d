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

// job is what a worker does: a call, or those that wait on a connection.
type job interface{ work(*Service) }

// dispatchNow gives j to a goroutine, an idle one or a new one. It reports false if
// ServiceWorkers allows no more.
func (s *Service) dispatchNow(j job) bool {
	if s.slots != nil {
		select {
		case s.slots <- struct{}{}:
		default:
			return false
		}
	}
	s.start(j)
	return true
}

// dispatch waits for a worker that becomes free. It reports false if done closed
// first. It is for a Service with ServiceWorkers.
func (s *Service) dispatch(j job, done <-chan struct{}) bool {
	select {
	case s.slots <- struct{}{}:
		s.start(j)
		return true
	case <-done:
		return false
	}
}

// do does j, and then gives its slot back, also if j ends the goroutine.
func (s *Service) do(j job) {
	if s.slots != nil {
		defer func() { <-s.slots }()
	}
	j.work(s)
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
		s.do(j)
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
