package muxpool

import (
	"math"
	"math/rand/v2"
	"time"
)

// A conn that is well is replaced when it is old (WithMaxConnAge), so that addresses and
// certificates are looked at anew, and a datagram socket when its peer is silent, since
// the name may have moved: a socket would send to the old address for ever. The successor
// is made first. If that fails, the conn stays, and it is tried again later; else it
// drains, and its calls finish.

// ageJitter is the part of an age by which connections differ, so that those which were
// made at once are not replaced at once.
const ageJitter = 0.1

// jittered draws from d less and d more the jitter, evenly.
func jittered(d time.Duration) time.Duration {
	jitter := time.Duration(ageJitter * float64(d))
	least := d - jitter
	return least + rand.N(max(1, min(2*jitter, math.MaxInt64-least)))
}

// renewAgain is how long after an attempt to replace a conn of that age the next may
// come, if it still is there.
func renewAgain(age time.Duration) time.Duration {
	return jittered(min(restLimit, max(age/10, restTime)))
}

// renew has c replaced. One that has carried no call, or is one more than
// WithConnectNumber asks for, just goes.
func (c *conn) renew(used bool) {
	n := c.node
	n.mu.Lock()
	s := c.slot
	if s.conn != c || n.closed != nil {
		n.mu.Unlock()
		return
	}
	replace := used && !n.spare(s)
	if replace {
		n.change(s, slotEvent{news: slotAged})
	}
	n.mu.Unlock()
	if !replace {
		c.drain(ReasonRetired, nil)
	}
}

// moves reports whether the conn's peer may be elsewhere without anybody hearing of it.
func (c *conn) moves() bool { return c.datagram && isName(c.node.key.node.Address) }

// sameAs reports whether c leads where old does: then it is as well to keep old, whose
// ids are known.
func (c *conn) sameAs(old *conn) bool {
	return old != nil && c.datagram && c.at != "" && c.at == old.at
}
