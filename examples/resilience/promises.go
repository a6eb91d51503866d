package main

import (
	"errors"
	"fmt"
)

// errBroken is in the error of a run in which a promise was broken.
var errBroken = errors.New("a promise was broken")

// broken says which promises a round broke. What gets are lost without breakers
// is no promise: the table shows it.
func (o outcome) broken() error {
	var errs []error
	refute := func(bad bool, format string, args ...any) {
		if bad {
			errs = append(errs, fmt.Errorf("%w: %s, %s breakers: %w", errBroken, o.fault, o.guard(), fmt.Errorf(format, args...)))
		}
	}
	s := o.summary
	refute(s.gets.calls == 0 || s.puts.calls == 0, "no calls were made")
	refute(s.wrong > 0, "%d answers did not fit their calls", s.wrong)
	refute(o.repeated > 0, "%d calls that are not idempotent reached nodes twice", o.repeated)
	if o.guarded {
		refute(s.gets.lost > 0, "%d idempotent calls were lost, as by %w", s.gets.lost, s.gets.example)
		refute(s.puts.unsent > 0, "%d calls were lost that no node had got, as by %w", s.puts.unsent, s.puts.example)
	}
	return errors.Join(errs...)
}
