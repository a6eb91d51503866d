package muxpool

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/muxkit/muxkit/muxpool/deadline"
	"github.com/muxkit/muxkit/muxpool/wire"
)

// call is what a MuxConn has on its connection: its id, and its inbox. Calls are
// reused; the muxConn in front of a call makes sure that nobody touches it after
// its life (see muxConn).
type call struct {
	// Set before the call is shared, constant until it is reused.
	conn     *conn
	ctx      context.Context
	dctx     *deadline.Context // what ctx is or embeds; nil: it is another's
	id       uint32            // the explicit one from the start, the allocated one once open
	explicit bool              // WithVID
	oneWay   bool
	stream   bool        // all frames that are written ask for one answer
	bulk     bool        // WithBulk
	unbind   func() bool // ends the tie to ctx, where a place must not outlive it
	deadline time.Time   // of an option or of dctx; zero: none

	// wake holds a signal whenever there is something to take, frame or error,
	// and no Read is about to take it. One Read at a time waits for it.
	wake chan struct{}

	writes atomic.Int64 // frames that Write has taken on
	first  wire.Mark    // where the first of them begins in the connection's stream
	over   atomic.Bool  // err is set: spares the lock to who only asks

	// tentative: a Get has put the call on the conn and looks whether the peer has hung
	// up. If it has, the Get goes elsewhere, and no call was lost.
	tentative atomic.Bool

	// patience is not 0 while a Read waits for wake alone: when it began, in rounds
	// of the conn's (see conn.patient).
	patience atomic.Uint32

	// mu is taken after conn.mu, if both are. It guards the fields below that are not
	// conn.mu's. There are thousands of calls: together they are 256 bytes, four lines of a
	// cache.
	mu      sync.Mutex
	inHand  int32         // datagrams that the kernel is being given
	taken   bool          // it has taken one
	crowded bool          // the read loop waits for room in the inbox
	off     bool          // with err: the call is not live any more
	why     callEnd       // with err
	sent    bool          // with err: the request may have reached the peer
	gone    bool          // err is final at once: unread frames are dropped
	live    bool          // the id is in the connection's table; guarded by conn.mu
	owed    int64         // no longer live: answers for which the id was reserved; likewise
	nth     uint64        // call of the conn, from 1; set when it is put there
	head    []byte        // the oldest unread frame; nil: none
	more    [][]byte      // the others
	unread  int           // cost of all of them
	limit   int           // how much that may be
	answers int64         // frames that ended a wait for an answer
	spent   time.Duration // for how long the read loop has waited for the reader (see room.go)
	since   time.Duration // when it began, or spent was last told, since the conn was born
	err     error         // why nothing more will come; unread frames are read first
	stop    chan struct{} // closed with err; made by a Write that has to wait
}

// endBy sets the deadline, unless t is zero or there is an earlier one.
func (c *call) endBy(t time.Time) {
	if !t.IsZero() && (c.deadline.IsZero() || t.Before(c.deadline)) {
		c.deadline = t
	}
}

// ctxEnded returns the error of ctx, if it has ended. When dctx, which ctx is or embeds,
// unless it is nil, is due, is left to the conn, which watches that.
func ctxEnded(ctx context.Context, dctx *deadline.Context) error {
	if dctx != nil && !dctx.Canceled() && dctx.Base().Err() == nil || ctx.Err() == nil {
		return nil
	}
	return ctxErr(ctx)
}

// noticed is called when a call has failed, before its user hears of it. Its context
// may be due, and remembers that only if somebody asks; or, if it has got a timer of
// its own, that is about to fire.
func (c *call) noticed() {
	if c.dctx == nil || c.dctx.Err() != nil {
		return
	}
	if due := c.dctx.Due(); !due.IsZero() && time.Until(due) <= 0 {
		<-c.dctx.Done()
	}
}

// failure returns the error that ended the call, as a Write reports it.
func (c *call) failure() error {
	if !c.over.Load() {
		return nil
	}
	return c.ended()
}

// ended is failure for who knows that the call has ended, or is about to.
func (c *call) ended() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// stopped returns a channel that is closed when the call has ended.
func (c *call) stopped() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stop == nil {
		c.stop = make(chan struct{})
		if c.err != nil {
			close(c.stop)
		}
	}
	return c.stop
}

// await waits for ready, or returns the error that ended the call or its context.
func (c *call) await(ready <-chan struct{}) error {
	select {
	case <-ready:
		return nil
	case <-c.stopped():
		return c.failure()
	case <-c.ctx.Done():
		return ctxErr(c.ctx)
	}
}

// queued reports whether a frame of the call was queued. Then it was handed to the
// kernel, or will be, as long as the connection lives.
func (c *call) queued() bool {
	_, queued := c.first.Offset()
	return queued
}

// maybeSent reports whether a frame of the call may have reached the peer, or will. What
// was said of that when the call ended holds.
func (c *call) maybeSent() bool {
	if !c.over.Load() {
		return c.queued()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sent
}

// balance returns how many answers are still to come, and how many unread frames
// answer nothing that was asked.
func (c *call) balance() (awaited, excess int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.madeRoom() // who asks is about to leave
	unread := int64(len(c.more))
	if c.head != nil {
		unread++
	}
	awaited = c.awaited()
	return awaited, max(0, min(unread, -awaited))
}

// awaited returns how many answers are still to come, less than zero if more came
// than was asked; mu is held.
func (c *call) awaited() int64 {
	if c.oneWay {
		return 0
	}
	asked := c.writes.Load()
	if c.stream {
		asked = min(asked, 1)
	}
	return asked - c.answers
}

// reset makes the call ready for reuse.
func (c *call) reset() {
	select {
	case <-c.wake:
	default:
	}
	c.conn, c.ctx, c.dctx, c.unbind = nil, nil, nil, nil
	c.deadline, c.explicit, c.oneWay, c.stream, c.bulk = time.Time{}, false, false, false, false
	c.owed, c.nth = 0, 0
	c.writes.Store(0)
	c.first.Reset()
	c.head, c.more, c.unread, c.answers = nil, nil, 0, 0
	c.crowded, c.spent, c.since = false, 0, 0
	if c.over.Load() {
		c.over.Store(false)
	}
	c.err, c.sent, c.gone, c.off, c.stop = nil, false, false, false, nil
	c.inHand, c.taken = 0, false
}
