package muxpool

import "fmt"

// bug is an invariant of the package that does not hold (see docs/invariants.md): what must
// not be, is. It is panicked with, and ends the connection on which it was found.
type bug string

func (b bug) Error() string { return "BUG: " + string(b) }

func bugf(format string, args ...any) bug { return bug(fmt.Sprintf(format, args...)) }

// contain, deferred by what works for the conn on a goroutine of the package's, or of a
// user, ends the conn where it was found that an invariant does not hold: the process, and
// the other connections, go on, and ConnDown tells of it. No lock may be held.
func (c *conn) contain() {
	switch p := recover().(type) {
	case nil:
	case bug:
		go c.close(ReasonBug, fmt.Errorf("%w: %w", ErrConnLost, p))
	default:
		panic(p)
	}
}
