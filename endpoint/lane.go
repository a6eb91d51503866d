package endpoint

import (
	"sync"
	"sync/atomic"
	"time"
)

// lane runs jobs one after another, on a goroutine that lives while there are any. It is
// where a Set calls what the user gave it: nobody else waits there, and a job that takes
// longer than patience is passed: it goes on beside the lane, and the next ones begin.
//
// So what the user's code does, blocking for ever or calling the Set, costs those behind
// it no more than patience.
type lane struct {
	// mu is a leaf: nothing else is locked, and nothing is called, while it is held.
	mu     sync.Mutex
	soon   fifo    // what jobs have asked for: it comes before what waits in queue
	queue  fifo    // in the order of arrival
	worker *worker // who takes the next job; nil: nobody, as there is none
}

// patience is how long a job may hold up the lane: for so many looks at it, that long apart. Time
// in which this process did not run is one look, however long it is, and passes nobody.
const (
	patience = 250 * time.Millisecond
	looks    = 10
)

// worker is a goroutine that takes jobs, until there are none or it was passed.
type worker struct {
	job   job // guarded by lane.mu
	seen  int // likewise: looks at it
	timer *time.Timer
}

// job is a function, and a mark that is set if it was passed, or nil.
type job struct {
	do     func()
	passed *atomic.Bool
}

// push has f run after everything that was pushed before, and what that asks for.
func (l *lane) push(f func()) { l.add(&l.queue, job{do: f}) }

// next has f run before everything that was pushed, and after what was given to next
// before. passed, if it is not nil, is set when f was passed.
func (l *lane) next(f func(), passed *atomic.Bool) { l.add(&l.soon, job{f, passed}) }

func (l *lane) add(to *fifo, j job) {
	l.mu.Lock()
	defer l.mu.Unlock()
	to.put(j)
	if l.worker == nil {
		l.start()
	}
}

// wait returns when what was pushed before has run or was passed, or when quit is closed.
// It must not be called by a job, which would be passed for it.
func (l *lane) wait(quit <-chan time.Time) {
	done := make(chan struct{})
	l.push(func() { close(done) })
	select {
	case <-done:
	case <-quit:
	}
}

// start makes a worker; mu is held.
func (l *lane) start() {
	w := &worker{}
	l.worker = w
	w.timer = time.AfterFunc(patience/looks, func() { l.late(w) })
	go l.work(w)
}

func (l *lane) work(w *worker) {
	defer l.ended(w) // also if a job ends its goroutine
	for {
		do := l.jobOf(w)
		if do == nil {
			return
		}
		do()
	}
}

// jobOf returns w's next job, or nil if there is none for it.
func (l *lane) jobOf(w *worker) func() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.worker != w {
		return nil
	}
	var ok bool
	if w.job, ok = l.soon.take(); !ok {
		if w.job, ok = l.queue.take(); !ok {
			l.worker = nil
			return nil
		}
	}
	w.seen = 0
	w.timer.Reset(patience / looks)
	return w.job.do
}

// late is the timer's function: another worker takes over if w is at the same job for too long.
func (l *lane) late(w *worker) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.worker != w {
		return
	}
	if w.seen++; w.seen < looks {
		w.timer.Reset(patience / looks)
		return
	}
	if w.job.passed != nil {
		w.job.passed.Store(true)
	}
	l.replace()
}

// ended hears that w's goroutine ends.
func (l *lane) ended(w *worker) {
	l.mu.Lock()
	defer l.mu.Unlock()
	w.timer.Stop()
	if l.worker == w {
		l.replace()
	}
}

// replace makes another worker, if there is something to do; mu is held.
func (l *lane) replace() {
	l.worker = nil
	if l.soon.len()+l.queue.len() > 0 {
		l.start()
	}
}

// fifo is a queue of jobs. Its memory goes when it is empty.
type fifo struct {
	jobs []job
	head int
}

func (q *fifo) len() int { return len(q.jobs) - q.head }

func (q *fifo) put(j job) { q.jobs = append(q.jobs, j) }

func (q *fifo) take() (job, bool) {
	if q.len() == 0 {
		return job{}, false
	}
	j := q.jobs[q.head]
	q.jobs[q.head] = job{}
	if q.head++; q.head == len(q.jobs) {
		q.jobs, q.head = nil, 0
	}
	return j, true
}
