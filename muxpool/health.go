package muxpool

import (
	"fmt"
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
	lapsed int       // calls that timed out since then, whose requests the kernel had taken
	link   link
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
	h.timer = time.AfterFunc(wait, c.tick)
}

func (h *health) stop() { h.timer.Stop() }

// begin begins to look for signs of life, if it does not already.
func (h *health) begin(c *conn) {
	if h.busy {
		return
	}
	h.busy, h.used, h.shrunk = true, true, false
	h.alive(c, time.Now())
	h.again(c.interval())
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

// verdict is what a look at the conn came to.
type verdict uint8

const (
	verdictNone verdict = iota
	verdictPing
	verdictDead
	verdictStalled
	verdictStarved
	verdictIdle
	verdictShrink
	verdictOld
	verdictMoved
)

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
	if turned {
		c.allow(slow)
	}
	switch v {
	case verdictPing:
		c.sendKeepAlive()
	case verdictDead:
		c.close(ReasonKeepAliveTimeout, fmt.Errorf("%w: %w: nothing arrived for %v", ErrConnLost, ErrKeepAliveTimeout, since))
	case verdictStalled:
		c.close(ReasonStalled, fmt.Errorf("%w: %w: nothing arrived for %v", ErrConnLost, ErrStalled, since))
	case verdictStarved:
		c.drain(ReasonIDsExhausted, nil)
	case verdictIdle:
		c.drainIdle()
	case verdictOld:
		c.renew(used)
	case verdictMoved:
		c.renew(true)
	case verdictShrink:
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
	if c.frames.Load() != h.seen || c.bytes.Load()-h.read >= lifeBytes {
		h.alive(c, now)
		h.pinging = false
	}
	h.link.follow(sent, c.interval()/2, now)
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
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// judge looks at the conn and says when to look again. mu is held.
func (h *health) judge(c *conn, now time.Time) (verdict, time.Duration) {
	v, next := h.judgeUse(c, now)
	if h.renew.IsZero() || c.state != connOpen {
		return v, next
	}
	if v == verdictNone && !now.Before(h.renew) {
		v, h.renew = verdictOld, now.Add(renewAgain(c.node.opts.maxAge))
	}
	return v, max(min(next, h.renew.Sub(now)), time.Millisecond)
}

func (h *health) judgeUse(c *conn, now time.Time) (verdict, time.Duration) {
	if c.state == connDraining && c.ids.live.len() == 0 {
		return verdictNone, c.node.opts.idleTimeout // it says farewell, which is its last word: see finish
	}
	if c.ids.live.len() > 0 || h.lapsed > 0 || !c.starving(now).IsZero() || c.writer != nil && !c.writer.Idle() {
		return h.judgeBusy(c, now), h.next(c, now)
	}
	return h.judgeIdle(c, now)
}

// next returns when a busy conn is to be looked at again: soon, and sooner if a
// time runs out before.
func (h *health) next(c *conn, now time.Time) time.Duration {
	wait, o := c.interval(), c.node.opts
	for _, end := range [...]time.Time{h.since.Add(o.keepAlive), h.since.Add(o.stallTimeout), h.pinged.Add(o.keepAlive / 2),
		c.ids.starved.Add(o.stallTimeout)} {
		if d := end.Sub(now); d > 0 {
			wait = min(wait, d)
		}
	}
	return wait
}

func (h *health) judgeBusy(c *conn, now time.Time) verdict {
	silent, starving, o := now.Sub(h.since), c.starving(now), c.node.opts
	_, asks := c.node.key.parser.(KeepAliver)
	if h.pinging && h.queued && !c.writer.Taken(h.offset) {
		h.pinged = now // a large request goes first; the writer has its own deadline
	}
	switch {
	case !starving.IsZero() && now.Sub(starving) >= o.stallTimeout:
		return verdictStarved
	case c.datagram && h.lapsed > 0 && min(silent, now.Sub(h.moving)) >= o.stallTimeout:
		h.moving, h.lapsed = now, 0
		return verdictMoved
	case c.datagram:
		return verdictNone // packets are lost, sockets are not
	case h.pinging && h.unanswered(o.keepAlive, now), h.link.stuck(now) >= oneAndHalf(o.keepAlive):
		return verdictDead
	case h.lapsed > 0 && h.link.quiet(h.since, now) >= o.stallTimeout:
		return verdictStalled
	case c.awaits.Load() == awaitsRest && silent >= o.stallTimeout:
		return verdictStalled
	case asks && !h.pinging && silent >= o.keepAlive:
		return verdictPing
	}
	return verdictNone
}

// unanswered reports whether the keepalive has been without an answer for too long: half
// of the keepalive time since the peer has it. Until then the peer's kernel is waited for,
// which acknowledges something now and then: packets are lost, and sent again.
func (h *health) unanswered(keepAlive time.Duration, now time.Time) bool {
	if h.link.slow && h.link.quiet(h.since, now) < oneAndHalf(keepAlive) {
		return false
	}
	return h.link.quiet(h.pinged, now) >= keepAlive/2
}

func (h *health) judgeIdle(c *conn, now time.Time) (verdict, time.Duration) {
	if h.busy {
		h.busy, h.since = false, now
	}
	idle, o := now.Sub(h.since), c.node.opts
	switch {
	case idle >= o.idleTimeout:
		return verdictIdle, o.idleTimeout
	case !h.shrunk && idle >= min(o.keepAlive, o.idleTimeout/2):
		h.shrunk = true
		c.ids.live.shrink()
		return verdictShrink, o.idleTimeout - idle
	case !h.shrunk:
		return verdictNone, min(o.keepAlive, o.idleTimeout/2)
	}
	return verdictNone, o.idleTimeout - idle
}
