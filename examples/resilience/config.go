package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	muxendpoint "github.com/muxkit/muxkit/endpoint"
)

// config is what the flags say.
type config struct {
	cases               caseList
	balance             balance
	before, sick, after time.Duration
	outage              time.Duration
	rate                int // calls a second
	relay               bool
	out                 io.Writer
}

func (c config) check() error {
	var errs []error
	for name, d := range map[string]time.Duration{"before": c.before, "sick": c.sick, "after": c.after, "outage": c.outage} {
		if d < 100*time.Millisecond {
			errs = append(errs, fmt.Errorf("-%s=%v is under 100 ms", name, d))
		}
	}
	if c.rate < 10 || c.rate > maxRate {
		errs = append(errs, fmt.Errorf("-rate=%d is not within 10 to %d", c.rate, maxRate))
	}
	if len(c.cases) == 0 {
		errs = append(errs, errors.New("-cases is empty"))
	}
	return errors.Join(errs...)
}

// maxRate keeps a slip of the finger from filling the memory with calls that wait
// for a sick node.
const maxRate = 5000

// balance is a flag.Value.
type balance muxendpoint.Policy

func (b balance) String() string {
	return strings.ReplaceAll(muxendpoint.Policy(b).String(), " ", "-")
}

// Set reads a policy's name.
func (b *balance) Set(text string) error {
	for _, p := range []muxendpoint.Policy{muxendpoint.PowerOfTwo, muxendpoint.RoundRobin, muxendpoint.Random} {
		if balance(p).String() == text {
			*b = balance(p)
			return nil
		}
	}
	return fmt.Errorf("%q is none of power-of-two, round-robin, random", text)
}

// caseList is a flag.Value.
type caseList []string

// allCases are the names of all scenes, in the order in which they are played.
var allCases = func() (names caseList) {
	for _, s := range scenes() {
		names = append(names, s.name)
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
