//go:build !linux

package main

import "time"

// newSleeper returns time.Sleep, which may be a millisecond late: the line "began late" tells.
func newSleeper() (sleep func(time.Duration), done func()) { return time.Sleep, func() {} }
