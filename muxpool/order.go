package muxpool

import (
	"errors"
	"time"

	"github.com/muxkit/muxkit/muxpool/wire"
)

// Where answers come in order and bear no ids (see Orderer), each frame of a call takes a
// place behind those that were queued before, under the writer's lock, and the read loop asks
// whose turn it is. All else is as with ids: the id of a caller that has left is reserved
// until its answer comes, so no place is ever of an id that somebody else has got.

// placeOf is the place of a frame that is answered, with an id.
func (c *conn) placeOf(id uint32) wire.Place {
	if !c.ordered {
		return 0
	}
	return wire.PlaceOf(id)
}

// place is that of a frame of cl.
func (c *conn) place(cl *call) wire.Place {
	if cl.oneWay {
		return 0
	}
	return c.placeOf(cl.id)
}

// turn gives a frame that came in order the id of the request that it answers. An answer to
// nothing ends the conn: who is out of step once is so for good.
func (c *conn) turn(vid uint32, kind FrameKind) (uint32, FrameKind, error) {
	if kind == FrameKeepAlive {
		kind = FrameLast
	}
	if kind != FrameLast && kind != FrameMore {
		return vid, kind, nil
	}
	vid, ok := c.writer.Next(kind == FrameLast)
	if !ok {
		return 0, kind, errors.New("an answer to nothing: all requests before it have been answered")
	}
	return vid, kind, nil
}

// before is how many answers come before that of the next call.
func (c *conn) before() int32 { return c.inFlight.Load() + c.ids.reserved.count.Load() }

// turn is what health knows of the request whose turn it is to be answered: all others wait
// for that answer. While its caller waits, so do they. Once that has left, and a call has
// timed out, it has the stall timeout to come; what else the peer sends is not looked at.
// It is guarded by the mutex of its conn.
type turn struct {
	frames uint64    // of answers, as of the last look
	since  time.Time // since when it is seen without a caller; zero: it has one, or there is none
	lapsed uint64    // a call has timed out: when so many are answered, all that came before it are; 0: none has
}

// late reports whether a call has timed out that may be unanswered.
func (t *turn) late() bool { return t.lapsed > 0 }

// lapse notes that a call has timed out.
func (t *turn) lapse(c *conn) {
	if c.ordered {
		p := c.writer.Progress()
		t.lapsed = p.Answered + uint64(p.Waiting)
	}
}

// follow looks whose turn it is.
func (t *turn) follow(c *conn, now time.Time) {
	p := c.writer.Progress()
	if p.Answered >= t.lapsed {
		t.lapsed = 0
	}
	switch orphan := p.Waiting > 0 && c.ids.live.find(p.ID) == nil; {
	case !orphan:
		t.since = time.Time{}
	case t.since.IsZero() || p.Frames != t.frames:
		t.since = now
	}
	t.frames = p.Frames
}

// excuse takes d, in which this side was not looking, out of what is counted.
func (t *turn) excuse(d time.Duration, now time.Time) {
	if !t.since.IsZero() {
		t.since = earlier(now, t.since.Add(d))
	}
}

// overdue reports whether the answer whose turn it is has had its time. It has more while it,
// or what is taken for it, is on its way.
func (t *turn) overdue(c *conn, now time.Time) bool {
	if !t.late() || t.since.IsZero() {
		return false
	}
	from, h := t.since, &c.health
	if c.awaits.Load() == awaitsRest && h.since.After(from) {
		from = h.since
	}
	return h.link.quiet(from, now) >= h.patience(c.node.opts.stallTimeout)
}
