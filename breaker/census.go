package breaker

import (
	"sync"
	"sync/atomic"

	"github.com/muxkit/muxkit/muxpool"
)

// census knows of one service how many of its live nodes are out, and of each
// method on how many it is out, and decides whether call outcomes may put out one
// more. Identities are counted apart: a call needs a node that takes its own.
type census struct {
	// mu guards what is below, and every circuit's counts. It is taken under a
	// node's mu; nothing is called under it.
	mu         sync.Mutex
	rolls      map[rollKey]*roll
	share      float64
	panicShare float64
}

// roll counts the circuits of one method, or of the nodes themselves.
type roll struct {
	// panicking: on so few live nodes is it available that those ejected by call
	// outcomes alone take calls again.
	panicking atomic.Bool
	live, out int
}

type rollKey struct {
	identity muxpool.Identity
	method   string // "": the nodes
}

// counted is how the census counts a circuit. Out is half-open as well: such a one
// is not yet to be relied upon.
type counted struct{ live, out bool }

func (c *census) configure(share, panicShare float64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.share, c.panicShare = share, panicShare
	for _, r := range c.rolls {
		c.weigh(r)
	}
}

// roll returns a roll, known or new.
func (c *census) roll(who muxpool.Identity, method string) *roll {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := rollKey{who, method}
	if c.rolls == nil {
		c.rolls = map[rollKey]*roll{}
	}
	if c.rolls[key] == nil {
		c.rolls[key] = &roll{}
	}
	return c.rolls[key]
}

// count counts a circuit as now.
func (c *census) count(x *circuit, now counted) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.replace(x, now)
}

// mayEject reports whether call outcomes may put out a circuit, and if so counts it
// as out at once, so that no other can take its place. An only one goes when it is
// quiet: when nothing succeeds, so that no good call is lost. A node goes only if each
// of its methods may.
func (c *census) mayEject(x *circuit, quiet bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	allowed := c.allows(x, quiet)
	if x.isNode() {
		for _, m := range x.member.methods {
			allowed = allowed && (m.circuit == nil || m.circuit.roll.live < 2 || c.allows(m.circuit, quiet))
		}
	}
	if allowed {
		c.replace(x, counted{x.counts.live, true})
	}
	return allowed
}

func (c *census) allows(x *circuit, quiet bool) bool {
	r := x.roll
	switch {
	case !x.counts.live || x.counts.out:
		return true
	case r.live == 1:
		return quiet
	}
	return r.out+1 <= min(max(int(c.share*float64(r.live)), 1), r.live-1)
}

func (c *census) replace(x *circuit, now counted) {
	x.roll.add(x.counts, -1)
	x.roll.add(now, 1)
	x.counts = now
	c.weigh(x.roll)
}

func (r *roll) add(c counted, n int) {
	if c.live {
		r.live += n
		if c.out {
			r.out += n
		}
	}
}

func (c *census) weigh(r *roll) {
	r.panicking.Store(float64(r.live-r.out) < c.panicShare*float64(r.live))
}
