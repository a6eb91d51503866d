package transport

import (
	"sync/atomic"

	"github.com/muxkit/muxkit/muxpool/wire"
)

const (
	// throttledFrom is the size of a body from which on its answer is held back; the
	// smaller ones are bounded by the calls in flight.
	throttledFrom = 4 << 10
	// encodersMax is how many large answers of a connection may be encoded and not yet
	// queued, beside the one of who has the turn.
	encodersMax = 8
)

// throttle keeps large answers from being encoded while a client does not read: they
// would wait in memory, each as large as it is, for room in the writer's queue. A few
// pass as they come; the others take turns, each when there is room.
type throttle struct {
	backed   atomic.Int32  // calls that wait, for room or for their turn
	encoders atomic.Int32  // those that have passed, and not queued their answers
	wanted   atomic.Int64  // bytes of the answer that last found no room
	turn     chan struct{} // of one
	passed   func()        // ends a pass; made once
	took     func()        // ends a turn; made once
}

func (t *throttle) init() {
	t.turn = make(chan struct{}, 1)
	t.passed = func() { t.encoders.Add(-1) }
	t.took = func() { <-t.turn }
}

// ready implements caller.
func (c *serverConn) ready(call *serverCall) (sent func()) {
	t := &c.throttle
	if call.inline || len(call.resp.Body) < throttledFrom {
		return nil
	}
	if n := t.encoders.Add(1); n <= encodersMax && t.backed.Load() == 0 {
		return t.passed
	}
	t.encoders.Add(-1)
	t.backed.Add(1)
	defer t.backed.Add(-1)
	select {
	case t.turn <- struct{}{}:
		c.awaitRoom(1)
		return t.took
	case <-c.ctx.Done():
		return nil
	}
}

// awaitRoom waits until an answer of n bytes can be queued.
func (c *serverConn) awaitRoom(n int) {
	if c.writer.Room(n) != wire.ErrQueueFull {
		return
	}
	turn := c.writer.LineUp(n)
	defer turn.Leave()
	select {
	case <-turn.Ready():
	case <-c.ctx.Done():
	}
}
