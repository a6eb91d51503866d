package muxpool

import (
	"math"
	"net"
	"time"

	"github.com/muxkit/muxkit/muxpool/wire"
)

// link is how fast a conn's bytes get to its peer. One that has not got what it was asked
// cannot answer, and behind megabytes on a slow link that takes longer than a peer may
// be silent. Where the kernel cannot tell, what it has taken has arrived.
//
// That something is acknowledged is no sign of life by itself: the kernel of a process that
// is stopped does so, as long as it has room.
type link struct {
	acked uint64    // as of the last look
	moved time.Time // when that was seen to grow
	goal  uint64    // acked when the peer has what the kernel had at since
	since time.Time
	slow  bool      // that takes long
	until time.Time // up to when it took long; zero: it never did
}

// follow looks at t. What is not there after long is under way slowly.
func (l *link) follow(t wire.Transit, long time.Duration, now time.Time) {
	if t.Acked > l.acked {
		l.acked, l.moved = t.Acked, now
	}
	switch {
	case !t.Known:
		*l = link{}
	case l.acked < l.goal:
		l.slow = l.slow || now.Sub(l.since) >= long
	}
	if l.slow {
		l.until = l.moved
	}
	if l.acked >= l.goal {
		l.goal, l.since, l.slow = t.Acked+t.Pending, now, false
	}
}

// stuck is for how long nothing of what is under way has got there.
func (l *link) stuck(now time.Time) time.Duration {
	if !l.slow {
		return 0
	}
	if l.moved.After(l.since) {
		return now.Sub(l.moved)
	}
	return now.Sub(l.since)
}

// quiet is how long the peer has said nothing, now, although it could: it was asked, or
// fell silent, at from.
func (l *link) quiet(from, now time.Time) time.Duration {
	if l.until.After(from) {
		from = l.until
	}
	return now.Sub(from)
}

// slowPatience is how many times as long is waited for what is under way slowly, and so the kernel waits
// for an acknowledgement. Its own count goes on while it sends lost packets again,
// whether or not others arrive; link.stuck does not.
const slowPatience = 4

func slowly(d time.Duration) time.Duration { return min(d, math.MaxInt64/slowPatience) * slowPatience }

// allow tells the kernel how long to wait for an acknowledgement.
func (c *conn) allow(slow bool) {
	d := oneAndHalf(c.node.opts.keepAlive)
	if slow {
		d = slowly(d)
	}
	if tc, ok := wire.Bare(c.nc).(*net.TCPConn); ok {
		setUserTimeout(tc, d)
	}
}
