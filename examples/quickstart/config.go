package main

import (
	"errors"
	"fmt"
	"io"
	"time"
)

// config is what the flags say.
type config struct {
	duration time.Duration
	nodes    int
	callers  int
	kill     bool
	out      io.Writer
	live     bool // out is a terminal: redraw the table in place
}

// maxProcesses keeps a slip of the finger from starting a thousand processes.
const maxProcesses = 32

func (c config) check() error {
	var errs []error
	refuse := func(bad bool, format string, args ...any) {
		if bad {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	refuse(c.duration < time.Second, "-duration=%v is under a second", c.duration)
	refuse(c.nodes < 1 || c.nodes > maxProcesses, "-nodes=%d is not within 1 to %d", c.nodes, maxProcesses)
	refuse(c.nodes == 1 && c.kill, "-nodes=1 leaves no node to take the calls of a killed one: add -kill=false")
	refuse(c.callers < 1, "-callers=%d is under 1", c.callers)
	return errors.Join(errs...)
}
