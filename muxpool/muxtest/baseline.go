package muxtest

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// Baseline is what a process held at one moment.
type Baseline struct {
	Goroutines  int
	Descriptors int    // but for those of files below /proc; -1 where the system does not tell
	Heap        uint64 // bytes, after a collection
}

// Limits on what may be left behind, and for how long.
const (
	LeakWithin = 2 * time.Second
	LeakHeap   = 8 << 20
)

// leakLooks is how often Check looks at least: on a busy machine LeakWithin may be over before
// what is about to end has had a turn. What has leaked is there at each look.
const leakLooks = 50

// Now takes the Baseline of this process. It collects garbage twice, which also
// empties every sync.Pool.
func Now() Baseline {
	openPoller()
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return Baseline{runtime.NumGoroutine(), descriptors(), m.HeapAlloc}
}

// openPoller has package net's poller open the descriptors that it keeps for
// ever, so that they are part of every Baseline.
var openPoller = sync.OnceFunc(func() {
	if r, w, err := os.Pipe(); err == nil {
		r.Close()
		w.Close()
	}
})

// descriptors counts those that are open. Files below /proc are not: somebody who looks at the
// machine meanwhile, as a test's time limit does, has them open for a moment, and so has
// this.
func descriptors() int {
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return -1
	}
	n := 0
	for _, fd := range open {
		if to, err := os.Readlink("/proc/self/fd/" + fd.Name()); err == nil && !strings.HasPrefix(to, "/proc/") {
			n++
		}
	}
	return n
}

// Check waits, LeakWithin and 50 looks, until the process holds no more goroutines and
// descriptors than b, and no more heap than LeakHeap above it.
func (b Baseline) Check() error {
	var err error
	for end, looks := time.Now().Add(LeakWithin), 1; ; looks++ {
		if err = b.compare(Now()); err == nil || looks >= leakLooks && time.Now().After(end) {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if err != nil && runtime.NumGoroutine() > b.Goroutines {
		stacks := make([]byte, 1<<20)
		err = fmt.Errorf("%w\n%s", err, stacks[:runtime.Stack(stacks, true)])
	}
	return err
}

func (b Baseline) compare(now Baseline) error {
	var errs []error
	if now.Goroutines > b.Goroutines {
		errs = append(errs, fmt.Errorf("muxtest: %d goroutines, %d before", now.Goroutines, b.Goroutines))
	}
	if now.Descriptors > b.Descriptors {
		errs = append(errs, fmt.Errorf("muxtest: %d descriptors, %d before", now.Descriptors, b.Descriptors))
	}
	if now.Heap > b.Heap+LeakHeap {
		errs = append(errs, fmt.Errorf("muxtest: a heap of %d bytes, %d before", now.Heap, b.Heap))
	}
	return errors.Join(errs...)
}

// CheckLeaks fails the test if at its end, after the cleanups that it registers
// later, the process is not back at the Baseline of now. It cannot be used by
// tests that run in parallel, nor inside a testing/synctest bubble: use it
// around the bubble.
func CheckLeaks(tb testing.TB) {
	tb.Helper()
	before := Now()
	tb.Cleanup(func() {
		if err := before.Check(); err != nil {
			tb.Error(err)
		}
	})
}
