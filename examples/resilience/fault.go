package main

import "runtime"

// fault is a way to fall sick.
type fault struct {
	name   string
	dark   bool // it needs a path that can swallow packets
	strike func(*cluster) error
	heal   func(*cluster) error
}

// faults are all of them, in the order in which they are played.
func faults() []fault {
	return []fault{
		{"black-hole", true, (*cluster).goDark, (*cluster).goLight},
		{"killed", false,
			func(c *cluster) error { return c.victim().kill() },
			func(c *cluster) error { return c.victim().restart() }},
		{"stopped", false,
			func(c *cluster) error { return c.victim().stop() },
			func(c *cluster) error { return c.victim().resume() }},
		{"slow", false, tell("takes 500ms"), tell("takes " + work.String())},
		{"failing", false, tell("fails 50%"), tell("fails 0%")},
	}
}

func tell(command string) func(*cluster) error {
	return func(c *cluster) error {
		_, err := c.victim().tell(command)
		return err
	}
}

// possible reports whether this system knows the fault: not every one can stop a
// process, which a relay needs as well.
func (f fault) possible() bool {
	return runtime.GOOS != "windows" && runtime.GOOS != "plan9" || f.name != "stopped" && !f.dark
}
