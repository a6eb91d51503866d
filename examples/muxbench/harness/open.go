package harness

import (
	"sync/atomic"
	"time"
)

// An open loop: calls are due by a schedule that knows nothing of answers, as those of
// users who do not know each other are. A call's latency counts from when it was due, also
// if it had to wait because all callers were busy, or this program was late: nothing slow
// delays the calls after it out of the figures (coordinated omission). A call counts if it
// was due in the window, whenever it was answered.
//
//	pace: schedule -> a timer of the kernel's -> queue of due times -> callers

// openQueue is how many due calls may wait for a caller. If it is full, pace waits, and
// sends them on later with the times when they were due.
const openQueue = 1 << 16

// startOpen starts an open loop of rate calls a second. With Flood calls are due
// whenever a caller is free.
func startOpen(calls []Call, size, rate int, which contexts, deadline time.Duration, sleep func(time.Duration) error) *load {
	l := newLoad(len(calls), which, deadline)
	room := openQueue
	if rate == Flood {
		room = len(calls)
	}
	queue := make(chan time.Duration, room)
	var broken atomic.Bool // a caller has failed: what is due is not called any more
	var paceErr error
	l.errs = append(l.errs, nil)
	l.wg.Go(func() {
		defer close(queue)
		l.warm.Wait()
		if rate == Flood {
			l.flood(queue, &broken)
		} else {
			paceErr = l.pace(newSchedule(rate), queue, &broken, sleep)
		}
		l.failed(len(calls), paceErr)
	})
	for i, call := range calls {
		l.wg.Go(func() {
			err := l.opened(l.newCaller(i, call, newPayload(size, i)), queue, &broken)
			l.failed(i, err)
			if err != nil {
				broken.Store(true)
				for range queue {
				}
			}
		})
	}
	return l
}

// pace sends the times when calls are due, each as soon as it is.
func (l *load) pace(s *schedule, queue chan<- time.Duration, broken *atomic.Bool, sleep func(time.Duration) error) error {
	start := time.Since(l.base)
	for !broken.Load() {
		due := start + s.due()
		for now := time.Since(l.base); now < due; now = time.Since(l.base) {
			if int64(now) > l.end.Load() {
				return nil
			}
			if err := sleep(min(due-now, maxPace)); err != nil {
				return err
			}
		}
		if int64(due) > l.end.Load() {
			return nil
		}
		queue <- due
	}
	return nil
}

// maxPace is how soon pace sees that the load is to end.
const maxPace = 10 * time.Millisecond

// flood sends a call whenever one is taken.
func (l *load) flood(queue chan<- time.Duration, broken *atomic.Bool) {
	for !broken.Load() {
		now := time.Since(l.base)
		if int64(now) > l.end.Load() {
			return
		}
		queue <- now
	}
}

// opened is a caller in an open loop.
func (l *load) opened(c *caller, queue <-chan time.Duration, broken *atomic.Bool) error {
	defer c.isWarm()
	if err := c.once(); err != nil { // to connect, and to warm up
		return err
	}
	for due := range queue {
		if broken.Load() {
			return nil
		}
		if err := c.once(); err != nil {
			return err
		}
		if int64(due) >= l.begin.Load() && int64(due) <= l.end.Load() {
			c.latency.add(time.Since(l.base)-due, c.answers)
		}
	}
	return nil
}
