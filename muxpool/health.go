package muxpool

import (
	"time"

	"github.com/muxkit/muxkit/muxpool/wire"
)

// health watches over a conn with one timer: that the peer shows signs of life
// while calls wait for it, and that an unused conn goes away. It is guarded by
// the mutex of its conn.
type health struct {
	timer  *time.Timer
	due    time.Time // when it is to fire; zero: it has just been made
	busy   bool      // calls wait: the timer runs at the short interval
	used   bool      // a call was on the conn, ever
	since  time.Time // busy: since when nothing arrived; else since when it is idle
	seen   uint64    // conn.frames when since was set
	read   uint64    // conn.bytes, likewise
	begun  time.Time // since when a frame is seen to have begun, of which there is more to come; zero: none has
	lapsed int       // calls that timed out since then, whose requests the kernel had taken
	link   link
	gaps   uint32    // of what the kernel tells, as of the last whole frame
	lossy  bool      // there are more since, or the peer's kernel tells of some: see patience
	turn   turn      // of a conn whose answers come in order
	lifted bool      // the kernel was told to have more patience, since link.slow
	renew  time.Time // when the conn is old; zero: never
	moving time.Time // when it was looked last whether the peer has moved

	ping    uint32 // the id of the keepalive frame
	holding bool   // it is reserved: not every keepalive has its answer
	pinging bool   // nothing has come since it was sent
	pinged  time.Time
	queued  bool   // ... and may still wait for the kernel to take it
	offset  uint64 // queued: where it stands in the stream

	shrink func() // gives the reader's memory back; set by the read loop
	shrunk bool
}

// lifeBytes of a frame that is not whole yet are a sign of life: a large answer may
// take its time. A few are none, or a peer that sends one now and then would hold its
// calls for ever.
const lifeBytes = 4 << 10

// ticksPerKeepAlive is how often a busy conn is looked at per keepalive time: the
// beginning of a silence is seen a sixteenth of that late at most. A write that is under
// way is looked at four times within its own time.
const ticksPerKeepAlive = 16

func (h *health) start(c *conn) {
	h.since = time.Now()
	wait, age := c.node.opts.idleTimeout, c.node.opts.maxAge
	if age > 0 {
		age = jittered(age)
		h.renew, wait = h.since.Add(age), min(wait, age)
	}
	h.timer = time.AfterFunc(wait, func() { c.timed(c.tick) })
}

func (h *health) stop() { h.timer.Stop() }

// begin begins to look for signs of life, if it does not already.
func (h *health) begin(c *conn) {
	if h.busy {
		return
	}
	h.busy, h.used, h.shrunk = true, true, false
	now, wait := time.Now(), c.interval()
	h.alive(c, now)
	if !h.renew.IsZero() {
		wait = max(min(wait, h.renew.Sub(now)), time.Millisecond)
	}
	h.again(wait)
}

// again sets the timer.
func (h *health) again(d time.Duration) {
	h.timer.Reset(d)
	h.due = time.Now().Add(d)
}

// alive notes that the peer was heard of at now.
func (h *health) alive(c *conn, now time.Time) {
	h.since, h.seen, h.read, h.lapsed = now, c.frames.Load(), c.bytes.Load(), 0
}

func (c *conn) interval() time.Duration {
	o := c.node.opts
	return max(min(o.keepAlive/ticksPerKeepAlive, o.stallTimeout/ticksPerKeepAlive, o.writeTimeout/4), time.Millisecond)
}

// tick runs on the timer's goroutine.
func (c *conn) tick() {
	defer c.contain()
	var sent wire.Transit
	if c.writer != nil {
		sent = c.writer.Transit()
	}
	c.mu.Lock()
	if c.state == connClosed {
		c.mu.Unlock()
		return
	}
	now := time.Now()
	c.health.follow(c, sent, now)
	v, next := c.health.judge(c, now)
	freed := c.datagram && c.ids.expire(now)
	c.health.again(next)
	slow, turned := c.health.link.slow, c.health.link.slow != c.health.lifted
	c.health.lifted = slow
	since, shrink, used := now.Sub(c.health.since), c.health.shrink, c.health.used
	c.mu.Unlock()

	if freed {
		c.node.placeFreed(c, false)
	}
	if c.node.waiting.Load() > 0 {
		c.reclaim()
	}
	if turned {
		c.allow(slow)
	}
	switch v {
	case remedyPing:
		c.sendKeepAlive()
	case remedyDead:
		c.close(ReasonKeepAliveTimeout, because(ErrConnLost, ErrKeepAliveTimeout, c.nothingFor(since)))
	case remedyStalled:
		c.close(ReasonStalled, because(ErrConnLost, ErrStalled, c.nothingFor(since)))
	case remedyStarved:
		c.drain(ReasonIDsExhausted, nil)
	case remedyIdle:
		c.drainIdle()
	case remedyOld:
		c.renew(used)
	case remedyMoved:
		c.renew(true)
	case remedyShrink:
		if c.writer != nil {
			c.writer.Shrink()
		}
		if shrink != nil {
			shrink()
		}
	}
}

// What the read loop waits for.
const (
	awaitsNothing uint32 = iota // it is at work on what has come, or waits for a call's reader
	awaitsFrame
	awaitsRest // of one that has begun
)

// follow notes what has come since the last look, and how far the bytes have got that
// are to be answered. mu is held.
func (h *health) follow(c *conn, sent wire.Transit, now time.Time) {
	h.excuse(c, now)
	if sent.Known {
		if c.frames.Load() != h.seen {
			h.gaps = sent.Gaps
		}
		h.lossy = sent.Gaps != h.gaps || sent.Held > 0
	}
	if c.frames.Load() != h.seen || c.bytes.Load()-h.read >= lifeBytes {
		h.alive(c, now)
		h.pinging = false
	}
	if c.awaits.Load() != awaitsRest {
		h.begun = time.Time{}
	} else if h.begun.IsZero() {
		h.begun = now
	}
	h.link.follow(sent, c.interval()/2, now)
	if c.ordered {
		h.turn.follow(c, now)
	}
}

// excuse takes out of the peer's silence what is not its own: what has come while the
// read loop was at work, or the process was not, lies unread. mu is held.
func (h *health) excuse(c *conn, now time.Time) {
	var ours time.Duration
	if late := now.Sub(h.due); !h.due.IsZero() && late >= c.interval() {
		ours = late
	}
	if c.writer != nil && c.awaits.Load() == awaitsNothing {
		ours = now.Sub(h.since)
	}
	h.since = earlier(now, h.since.Add(ours))
	h.pinged = earlier(now, h.pinged.Add(ours))
	if !h.begun.IsZero() {
		h.begun = earlier(now, h.begun.Add(ours))
	}
	h.turn.excuse(ours, now)
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
