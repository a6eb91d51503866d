package muxpool

import "time"

// remedy is what a look at the conn came to.
type remedy uint8

const (
	remedyNone remedy = iota
	remedyPing
	remedyDead
	remedyStalled
	remedyStarved
	remedyIdle
	remedyShrink
	remedyOld
	remedyMoved
)

// judge looks at the conn and says when to look again. mu is held.
func (h *health) judge(c *conn, now time.Time) (remedy, time.Duration) {
	v, next := h.judgeUse(c, now)
	if h.renew.IsZero() || c.state != connOpen {
		return v, next
	}
	if v == remedyNone && !now.Before(h.renew) {
		v, h.renew = remedyOld, now.Add(renewAgain(c.node.opts.maxAge))
	}
	return v, max(min(next, h.renew.Sub(now)), time.Millisecond)
}

func (h *health) judgeUse(c *conn, now time.Time) (remedy, time.Duration) {
	if c.state == connDraining && c.ids.live.len() == 0 {
		return remedyNone, c.node.opts.idleTimeout // it says farewell, which is its last word: see finish
	}
	if c.ids.live.len() > 0 || h.lapsed > 0 || h.turn.late() || !c.starving(now).IsZero() || c.writer != nil && !c.writer.Idle() {
		return h.judgeBusy(c, now), h.next(c, now)
	}
	return h.judgeIdle(c, now)
}

// next returns when a busy conn is to be looked at again: soon, and sooner if a
// time runs out before.
func (h *health) next(c *conn, now time.Time) time.Duration {
	wait, o := c.interval(), c.node.opts
	for _, end := range [...]time.Time{h.since.Add(o.keepAlive), h.since.Add(o.stallTimeout), h.begun.Add(o.stallTimeout), h.pinged.Add(o.keepAlive / 2),
		c.ids.starved.Add(o.stallTimeout)} {
		if d := end.Sub(now); d > 0 {
			wait = min(wait, d)
		}
	}
	return wait
}

func (h *health) judgeBusy(c *conn, now time.Time) remedy {
	silent, starving, o := now.Sub(h.since), c.starving(now), c.node.opts
	_, asks := c.node.key.parser.(KeepAliver)
	asks = asks && !c.ordered // it would wait for its turn
	if h.pinging && h.queued && !c.writer.Taken(h.offset) {
		h.pinged = now // a large request goes first; the writer has its own deadline
	}
	switch {
	case !starving.IsZero() && now.Sub(starving) >= o.stallTimeout:
		return remedyStarved
	case c.datagram && h.lapsed > 0 && min(silent, now.Sub(h.moving)) >= o.stallTimeout:
		h.moving, h.lapsed = now, 0
		return remedyMoved
	case c.datagram:
		return remedyNone // packets are lost, sockets are not
	case h.pinging && h.unanswered(o.keepAlive, now), h.link.stuck(now) >= h.patience(oneAndHalf(o.keepAlive)):
		return remedyDead
	case h.overdue(c, now):
		return remedyStalled
	case !h.begun.IsZero() && min(silent, now.Sub(h.begun)) >= h.patience(o.stallTimeout):
		return remedyStalled
	case asks && !h.pinging && silent >= o.keepAlive:
		return remedyPing
	}
	return remedyNone
}

// overdue reports whether calls have timed out, and there is nothing to wait for.
func (h *health) overdue(c *conn, now time.Time) bool {
	if c.ordered {
		return h.turn.overdue(c, now)
	}
	return h.lapsed > 0 && h.link.quiet(h.since, now) >= h.patience(c.node.opts.stallTimeout)
}

// unanswered reports whether the keepalive has been without an answer for too long: half
// of the keepalive time since the peer has it. Until then the peer's kernel is waited for,
// which acknowledges something now and then: packets are lost, and sent again.
func (h *health) unanswered(keepAlive time.Duration, now time.Time) bool {
	if h.link.slow && h.link.quiet(h.since, now) < h.patience(oneAndHalf(keepAlive)) {
		return false
	}
	return h.link.quiet(h.pinged, now) >= h.patience(keepAlive/2)
}

// patience is how long a peer may be silent that may be for d. What it says lies behind a gap if segments
// have come out of order since the last whole frame, and so does what it is asked if its kernel has got some
// out of order: the lost one is sent again, and waited for twice as long each time that it is lost again.
func (h *health) patience(d time.Duration) time.Duration {
	if !h.lossy {
		return d
	}
	return slowly(d)
}

func (h *health) judgeIdle(c *conn, now time.Time) (remedy, time.Duration) {
	if h.busy {
		h.busy, h.since = false, now
	}
	idle, o := now.Sub(h.since), c.node.opts
	switch {
	case idle >= o.idleTimeout:
		return remedyIdle, o.idleTimeout
	case !h.shrunk && idle >= min(o.keepAlive, o.idleTimeout/2):
		h.shrunk = true
		c.ids.live.shrink()
		return remedyShrink, o.idleTimeout - idle
	case !h.shrunk:
		return remedyNone, min(o.keepAlive, o.idleTimeout/2)
	}
	return remedyNone, o.idleTimeout - idle
}
