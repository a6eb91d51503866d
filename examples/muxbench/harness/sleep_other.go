//go:build !linux

package harness

import "time"

// newSleeper returns time.Sleep, which is up to a millisecond late.
func newSleeper() (func(time.Duration) error, error) {
	return func(d time.Duration) error {
		time.Sleep(d)
		return nil
	}, nil
}
