package muxpool

import "fmt"

// bug is an invariant of the package that does not hold (see docs/invariants.md): what must
// not be, is. It is panicked with, and ends the connection on which it was found.
type bug string

func (b bug) Error() string { return "BUG: " + string(b) }

func bugf(format string, args ...any) bug { return bug(fmt.Sprintf(format, args...)) }

// unlock, deferred where mu is held, unlocks it, and contains a bug that was found under it,
// on whatever goroutine: the conn ends, and ConnDown tells of it, but the process and the
// other connections go on.
func (c *conn) unlock() {
	p := recover()
	c.mu.Unlock()
	c.contained(p)
}

// contain is that for a goroutine which holds no lock.
func (c *conn) contain() { c.contained(recover()) }

func (c *conn) contained(p any) {
	switch p := p.(type) {
	case nil:
	case bug:
		go c.close(ReasonBug, fmt.Errorf("%w: %w", ErrConnLost, p))
	default:
		panic(p)
	}
}
