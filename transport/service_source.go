package transport

import (
	"math"
	"time"

	"github.com/muxkit/muxkit/internal/speaks"
	"github.com/muxkit/muxkit/muxpool/wire"
)

// timedSource reads the connection with the deadline that fits what is awaited.
// It is owned by serve.
type timedSource struct {
	conn    *serverConn
	src     *wire.Source
	waiting bool      // for the first byte of a frame
	since   time.Time // when that began; moved by shrink
	shrunk  bool      // memory was given back since then
	look    bool      // the connection is about to end: only what has come already is waited for
	began   time.Time // the frame; set at the first read
	came    int       // bytes of it since then, and perhaps of the next one
	lossy   bool      // it has more time, since packets were lost
	arrived time.Time // when the last read returned
	first   speaks.First
	turn    turn
}

func (s *timedSource) beginWait() {
	s.waiting, s.shrunk, s.since = true, false, s.arrived
}

func (s *timedSource) beginFrame() {
	s.waiting, s.began, s.came, s.lossy = false, time.Time{}, s.conn.reader.Buffered(), false
}

// flush writes the answers that wait for the next read. serve calls it before it
// waits for anything else.
func (s *timedSource) flush() { s.src.Flush() }

// woke counts a call that was handed to a goroutine.
func (s *timedSource) woke() { s.src.Woke() }

func (s *timedSource) Read(p []byte) (int, error) {
	c := s.conn
	for {
		before := time.Now()
		deadline := s.deadline(before)
		_ = c.nc.SetReadDeadline(deadline)
		if s.waiting && c.draining.Load() && !c.told {
			return 0, errWoken // drain came between the caller's look and the deadline
		}
		n, err := s.src.Read(p)
		s.arrived = time.Now()
		s.first.Note(p[:n])
		s.turn.read(before, s.arrived)
		s.came += n
		if n > 0 || err == nil || s.waiting || !isTimeout(err) || !s.arrived.Before(deadline) && !s.loses() {
			return n, err
		}
		// drain woke serve in the middle of a frame, or it has more time: read on.
	}
}

func (s *timedSource) deadline(now time.Time) time.Time {
	switch {
	case !s.waiting && s.began.IsZero():
		s.began = now
		fallthrough
	case !s.waiting:
		return s.frameEnd()
	}
	if s.look {
		return now.Add(lookTime)
	}
	end := s.conn.quietEnd(now)
	if age := s.conn.oldAt; !age.IsZero() && age.Before(end) && !s.conn.draining.Load() {
		end = age
	}
	if shrink := s.since.Add(shrinkTime); !s.shrunk && shrink.Before(end) {
		return shrink
	}
	return end
}

// frameEnd is when the frame has taken too long: the more of it has come, the more time
// it has for the rest.
func (s *timedSource) frameEnd() time.Time {
	o := s.conn.service
	d := o.frameTimeout
	if s.lossy {
		d = min(d, math.MaxInt64/lossPatience) * lossPatience
	}
	came := min(s.came, o.limits.MaxFrameSize)
	return s.began.Add(d).Add(time.Duration(float64(came) / float64(o.frameRate) * float64(time.Second)))
}

// lossPatience is how many times ServiceFrameTimeout a frame has where packets are lost: as much as
// pools have.
const lossPatience = 4

// loses reports, once for a frame whose time is over, whether the connection has lost packets before
// others that came. It is asked only then, since that takes system calls.
func (s *timedSource) loses() bool {
	more := !s.lossy && s.conn.writer.Transit().Gaps > 0
	s.lossy = s.lossy || more
	return more
}

// quietEnd is when a connection has been without calls for too long: then it is told
// that it goes away, or ended. Only calls count: a client that sends other frames is as
// idle as one that sends none. Who is told by answers alone has perhaps more connections,
// and takes this one for its next call until it is refused on another.
func (c *serverConn) quietEnd(now time.Time) time.Time {
	busy := c.writer.InFlight.Load() > 0 // looked at first: see oneLess
	from := c.quietSince()
	switch {
	case busy:
		from = now
	case c.draining.Load() && from.Before(c.toldAt):
		from = c.toldAt
	}
	switch {
	case !c.draining.Load():
		return from.Add(c.service.idleTimeout)
	case c.service.goingAway != nil:
		return from.Add(quietTold)
	case c.busy:
		if stays := c.toldAt.Add(stayTime); from.Before(stays) {
			from = stays
		}
		return from.Add(quietTold)
	}
	return from.Add(quietUntold)
}

// download is how many bytes under way make a connection one that is not idle: pongs are
// fewer.
const download = 16 << 10

// underWay reports whether a large answer is, and gets somewhere: a client that has not got
// it is not idle, nor has it been told of anything since. It is asked when the connection is
// quiet only: that takes system calls.
func (c *serverConn) underWay() bool {
	t := c.writer.Transit()
	moved := t.Acked > c.acked
	c.acked = t.Acked
	return moved && t.Pending >= download
}

// quietSince is when the last call ended, its answer was seen to be under way, or the connection began.
func (c *serverConn) quietSince() time.Time { return c.born.Add(time.Duration(c.quiet.Load())) }

// shrink gives back what a burst has left, once nothing has come for a while; and later
// again, if calls or answers are still under way.
func (s *timedSource) shrink(now time.Time) {
	c := s.conn
	c.reader.Shrink()
	c.writer.Shrink()
	if c.writer.InFlight.Load() > 0 || c.account.bytes.Load() > 0 {
		s.since = now.Add(shrinkAgain - shrinkTime)
		return
	}
	s.shrunk = true
}

// errWoken is a timeout, as a deadline that drain set is.
var errWoken error = wokenError{}

type wokenError struct{}

func (wokenError) Error() string { return "transport: woken to drain" }
func (wokenError) Timeout() bool { return true }
