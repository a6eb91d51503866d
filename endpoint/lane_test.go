package endpoint

import (
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
)

func TestLaneRunsJobsInTheirOrder(t *testing.T) {
	var l lane
	var trace []string
	note := func(s string) func() { return func() { trace = append(trace, s) } }
	begin := make(chan struct{})
	l.push(func() { <-begin })
	l.push(func() {
		l.next(func() { trace = append(trace, "2"); l.next(note("4"), nil) }, nil)
		l.next(note("3"), nil)
		trace = append(trace, "1")
	})
	l.push(note("5"))
	close(begin)
	l.wait(nil)
	equal(t, "order", strings.Join(trace, ""), "12345")
}

// Who takes too long is passed once, and not waited for at the end either.
func TestLanePassesWhoBlocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l lane
		var passed, quick, next atomic.Bool
		block := make(chan struct{})
		var done atomic.Bool
		start := time.Now()
		l.next(func() { <-block; done.Store(true) }, &passed)
		l.next(func() { time.Sleep(patience - 1) }, &quick)
		l.next(func() { time.Sleep(patience - 1) }, &next)
		l.wait(nil)
		equal(t, "waited", time.Since(start), 3*patience-2)
		equal(t, "passed", passed.Load(), true)
		equal(t, "the quick one passed", quick.Load(), false)
		equal(t, "the next one passed", next.Load(), false)
		time.Sleep(time.Hour)
		l.wait(nil)
		close(block)
		synctest.Wait()
		equal(t, "done", done.Load(), true)
		equal(t, "worker", l.worker == nil, true)
	})
}

// A job that ends its goroutine, as a test's FailNow does, ends no other.
func TestLaneGoesOnAfterGoexit(t *testing.T) {
	var l lane
	l.push(runtime.Goexit)
	l.push(runtime.Goexit)
	l.wait(nil)
}

func TestLaneUnderRaces(t *testing.T) {
	var l lane
	var running, most, ran atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 500 {
				l.push(func() {
					if n := running.Add(1); n > most.Load() {
						most.Store(n)
					}
					ran.Add(1)
					running.Add(-1)
				})
			}
		})
	}
	bounded.Wait(t, wg.Wait)
	l.wait(nil)
	equal(t, "ran", ran.Load(), 4000)
	equal(t, "at once", most.Load(), 1)
}

// Who waits no longer than for a time does not, however many block.
func TestLaneIsNotWaitedForForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l lane
		block := make(chan struct{})
		for range 100 {
			l.push(func() { <-block })
		}
		start := time.Now()
		l.wait(time.After(time.Second))
		equal(t, "waited", time.Since(start), time.Second)
		close(block)
	})
}

// Time in which the process did not run is one look at the job, however long it is.
func TestAPauseOfTheProcessPassesNoJob(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l lane
		var passed atomic.Bool
		block := make(chan struct{})
		l.next(func() { <-block }, &passed)
		synctest.Wait()
		w := l.worker
		for range looks - 1 {
			l.late(w)
		}
		equal(t, "passed after few looks", passed.Load(), false)
		l.late(w)
		equal(t, "passed", passed.Load(), true)
		close(block)
		l.wait(nil)
	})
}

// Nor is an instancer given up for that: it has as many looks.
func TestAnInstancerIsWaitedForForASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		waitFor(make(chan struct{}))
		equal(t, "waited", time.Since(start), closeTime)
		done := make(chan struct{})
		time.AfterFunc(closeTime/2, func() { close(done) })
		start = time.Now()
		waitFor(done)
		equal(t, "waited for who comes", time.Since(start), closeTime/2)
	})
}

// What has run is not held, neither while others wait nor when there are none.
func TestALaneHoldsNothing(t *testing.T) {
	var q fifo
	q.put(job{do: func() {}})
	q.put(job{do: func() {}})
	q.take()
	if q.jobs[0].do != nil {
		t.Error("a job that was taken is held")
	}
	q.take()
	if q.jobs != nil || q.len() != 0 {
		t.Errorf("room for %d jobs is held", len(q.jobs))
	}
}
