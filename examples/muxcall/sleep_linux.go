package main

import (
	"os"
	"syscall"
	"time"
	"unsafe"
)

// newSleeper returns what sleeps to within some 20 µs, for one goroutine at a time, and is closed by done.
// time.Sleep is up to a millisecond late in a process with nothing to do, which would be most of a
// fast call's latency. A timer that is a file wakes the goroutine as a packet does; nanosleep, which
// blocks a thread instead, was 100 µs late. A sleep may be short: who calls it looks at the clock again.
func newSleeper() (sleep func(time.Duration), done func()) {
	const monotonic, nonblock, cloexec = 1, syscall.O_NONBLOCK, syscall.O_CLOEXEC // timerfd_create(2)
	fd, _, failed := syscall.Syscall(syscall.SYS_TIMERFD_CREATE, monotonic, nonblock|cloexec, 0)
	if failed != 0 {
		return time.Sleep, func() {}
	}
	f := os.NewFile(fd, "timer")
	return func(d time.Duration) {
		at := struct{ every, first syscall.Timespec }{first: syscall.NsecToTimespec(max(1, d.Nanoseconds()))}
		_, _, failed := syscall.Syscall6(syscall.SYS_TIMERFD_SETTIME, fd, 0, uintptr(unsafe.Pointer(&at)), 0, 0, 0)
		var expired [8]byte
		if failed == 0 {
			if _, err := f.Read(expired[:]); err == nil {
				return
			}
		}
		time.Sleep(d)
	}, func() { _ = f.Close() }
}
