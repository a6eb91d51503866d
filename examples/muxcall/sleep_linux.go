package main

import (
	"syscall"
	"time"
)

// sleepExactly sleeps for d, to within some 100 µs: time.Sleep is up to a millisecond late in a
// process with nothing to do, which would be most of a fast call's latency. An interrupted sleep is short.
func sleepExactly(d time.Duration) {
	const coarse = 2 * time.Millisecond
	if d > 2*coarse {
		time.Sleep(d - coarse)
		return
	}
	ts := syscall.NsecToTimespec(d.Nanoseconds())
	_ = syscall.Nanosleep(&ts, nil) // who calls it looks at the clock again
}
