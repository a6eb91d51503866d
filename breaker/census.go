package breaker

import (
	"sync"
	"sync/atomic"
)

// census knows how many of the live nodes are out, and decides whether call
// outcomes may put out one more.
type census struct {
	// panicking: so few live nodes are available that those ejected by call
	// outcomes alone take calls again.
	panicking atomic.Bool

	// mu guards what is below, and every node's counted. It is taken under a node's
	// mu; nothing is called under it.
	mu         sync.Mutex
	live, out  int
	share      float64
	panicShare float64
}

// counted is how the census counts a node. Out is half-open as well: such a
// node is not yet to be relied upon.
type counted struct{ live, out bool }

func (c *census) configure(share, panicShare float64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.share, c.panicShare = share, panicShare
	c.weigh()
}

// count counts a node, whose record is r, as now.
func (c *census) count(r *counted, now counted) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.replace(r, now)
}

// mayEject reports whether call outcomes may put out the node whose record is r,
// and if so counts it as out at once, so that no other can take its place.
func (c *census) mayEject(r *counted) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r.live && !r.out && c.live > 1 {
		most := min(max(int(c.share*float64(c.live)), 1), c.live-1)
		if c.out+1 > most {
			return false
		}
	}
	c.replace(r, counted{r.live, true})
	return true
}

func (c *census) replace(r *counted, now counted) {
	c.add(*r, -1)
	c.add(now, 1)
	*r = now
	c.weigh()
}

func (c *census) add(r counted, n int) {
	if r.live {
		c.live += n
		if r.out {
			c.out += n
		}
	}
}

func (c *census) weigh() {
	c.panicking.Store(float64(c.live-c.out) < c.panicShare*float64(c.live))
}
