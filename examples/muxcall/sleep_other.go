//go:build !linux

package main

import "time"

// sleepExactly is time.Sleep, which may be a millisecond late: the line "began late" tells.
func sleepExactly(d time.Duration) { time.Sleep(d) }
