package harness

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// newSleeper returns what waits for a duration to within some 20 µs, as a call that
// comes over the network would come: a timer of the kernel's, which the runtime hears of
// as it hears of sockets. time.Sleep is up to a millisecond late in a process with
// nothing to do.
func newSleeper() (func(time.Duration) error, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("timerfd_create: %w", err)
	}
	f := os.NewFile(uintptr(fd), "timer")
	var expired [8]byte
	return func(d time.Duration) error {
		at := unix.ItimerSpec{Value: unix.NsecToTimespec(max(1, d.Nanoseconds()))}
		if err := unix.TimerfdSettime(fd, 0, &at, nil); err != nil {
			return fmt.Errorf("timerfd_settime: %w", err)
		}
		_, err := f.Read(expired[:])
		return err
	}, nil
}
