package muxpool

import "fmt"

// bug is an invariant of the package that does not hold (see docs/invariants.md): what must
// not be, is. It is panicked with, and ends the connection on which it was found.
type bug string

func (b bug) Error() string { return "BUG: " + string(b) }

// lost is the error of a connection that ends for it. With the build tag muxguard, which the
// tests of all packages are run with, it ends the process: nothing contains a panic there.
func (b bug) lost() error {
	if bugsEndTests {
		go panic(b)
	}
	return because(ErrConnLost, b)
}

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
		err := p.lost()
		c.node.pool.running.run(func() { c.close(ReasonBug, err) })
	default:
		panic(p)
	}
}

// decide is what ev makes of s. What cannot happen to it changes nothing, is told, and ends
// the connection that s has, if it has one. node.mu is held.
func (n *node) decide(s *slot, ev slotEvent) (next slotLife, todo slotTodo) {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case bug:
			next, todo = s.slotLife, slotTodo{broken: true}
			err := p.lost()
			n.post(Event{Kind: ConnDown, Reason: ReasonBug, Err: err, Bulk: s.bulk})
			if c := s.conn; c != nil {
				n.pool.running.run(func() { c.close(ReasonBug, err) })
			}
			if !s.state.up() {
				s.conn = nil
			}
			n.publish()
		default:
			panic(p)
		}
	}()
	return s.step(ev, n.opts.slots())
}
