package muxpool

import (
	"sync/atomic"
	"time"
)

const (
	// patientFrom is how many calls must be on a conn for their Reads to be patient.
	patientFrom = 16
	// patientMost is how many may be: a tick looks at all of them, and beyond 4096 patience
	// saves nothing that can be measured (docs/decisions/0018).
	patientMost = 8192
	// patienceTick is how often a conn looks for Reads whose patience is over: it
	// lasts one to two of these.
	patienceTick = 5 * time.Millisecond
	// impatience is for how many frames a conn's Reads are not patient, for each
	// whose patience was in vain.
	impatience = 16
)

// patience spares a Read on a busy conn the watch on its context, which is a select
// on two channels and, with most contexts, the making of one of them: a fifth of a
// call, and nearly every answer comes before the context ends. So such a Read first
// waits for its signal alone. If that takes longer than a tick or two, the conn's
// timer sends it the signal, and the Read, which finds nothing, goes on to wait for
// its context too.
//
// Where many answers take longer than that, patience only costs the second signal:
// then the conn does without it for a while.
//
// A context with a deadline beyond that is treated so, no other: deadlines are kept
// to the moment. What it costs: the cancellation of such a context is noticed up to
// two ticks late by a Read that has just begun (docs/decisions/0010).
type patience struct {
	ticking atomic.Bool   // the timer is set; changed under conn.mu
	round   atomic.Uint32 // of the ticks; changed under conn.mu
	now     atomic.Int64  // when the last tick was, in ns since born
	from    atomic.Uint64 // no patience until conn.frames is so many; changed under conn.mu
	born    time.Time

	// Guarded by conn.mu.
	timer *time.Timer // made with the first tick
	seen  uint64      // conn.frames at the last tick
}

// patient reports whether the Read of cl is to wait for its signal alone at first.
// Then cl.patience is set, and whoever got the signal sets it to 0.
func (c *conn) patient(cl *call) bool {
	p := &c.patience
	if n := c.inFlight.Load(); n < patientFrom || n > patientMost || c.frames.Load() < p.from.Load() {
		return false
	}
	deadline, ok := cl.ctx.Deadline()
	if !ok {
		return false
	}
	ticking := p.ticking.Load() // before now, which is set first: else it may be of long ago
	now := time.Duration(p.now.Load())
	if !ticking {
		now = time.Since(p.born)
	}
	// now may be a tick old.
	if deadline.Sub(p.born)-now < 3*patienceTick {
		return false
	}
	since := p.round.Load() + 1
	if since == 0 { // it means that there is no patience
		return false
	}
	cl.patience.Store(since)
	// Set before looking: the tick that ends the ticking looks for calls after it
	// has said so.
	if !p.ticking.Load() {
		c.mu.Lock()
		c.startTick()
		c.mu.Unlock()
	}
	return true
}

// startTick sets the timer, unless it is set; mu is held.
func (c *conn) startTick() {
	p := &c.patience
	if p.ticking.Load() || c.state == connClosed {
		return
	}
	p.now.Store(int64(time.Since(p.born)))
	p.ticking.Store(true)
	if p.timer == nil {
		p.timer = time.AfterFunc(patienceTick, c.patienceTick)
	} else {
		p.timer.Reset(patienceTick)
	}
}

// patienceTick ends the patience of the Reads that began before the tick before
// this one.
func (c *conn) patienceTick() {
	defer c.contain()
	c.mu.Lock()
	defer c.mu.Unlock()
	p := &c.patience
	p.ticking.Store(false)
	now, again, vain := p.round.Add(1), false, uint64(0)
	for _, cl := range c.ids.live.all() {
		switch since := cl.patience.Load(); since {
		case 0:
		case now:
			again = true
		default:
			cl.signal()
			vain++
		}
	}
	frames := c.frames.Load()
	if vain > (frames-p.seen)/impatience {
		p.from.Store(frames + impatience*vain)
	}
	p.seen = frames
	if again {
		c.startTick()
	}
}

// stop is called with conn.mu held.
func (p *patience) stop() {
	if p.timer != nil {
		p.timer.Stop()
	}
}
