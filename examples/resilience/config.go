package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// config is what the flags say.
type config struct {
	cases                 caseList
	before, during, after time.Duration
	callers               int
	out                   io.Writer
}

func (c config) check() error {
	var errs []error
	for _, p := range phaseNames {
		if d := c.length(p); d < 100*time.Millisecond {
			errs = append(errs, fmt.Errorf("-%s=%v is under 100 ms", p, d))
		}
	}
	if c.callers < 1 || c.callers > 1000 {
		errs = append(errs, fmt.Errorf("-callers=%d is not within 1 to 1000", c.callers))
	}
	if len(c.cases) == 0 {
		errs = append(errs, errors.New("-cases is empty"))
	}
	return errors.Join(errs...)
}

func (c config) length(name string) time.Duration {
	return map[string]time.Duration{"before": c.before, "during": c.during, "after": c.after}[name]
}

// caseList is a flag.Value.
type caseList []string

// allCases are the names of all faults, in the order in which they are played.
var allCases = func() (names caseList) {
	for _, f := range faults() {
		names = append(names, f.name)
	}
	return names
}()

func (l caseList) String() string { return strings.Join(l, ",") }

// Set reads a list such as "killed,slow".
func (l *caseList) Set(text string) error {
	names := strings.Split(text, ",")
	for _, n := range names {
		if !slices.Contains(allCases, n) {
			return fmt.Errorf("%q is none of %s", n, allCases)
		}
	}
	*l = names
	return nil
}
