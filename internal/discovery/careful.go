package discovery

import (
	"sync/atomic"
	"time"

	"github.com/go-kit/log"
)

// patience is how long a logger is waited for.
const patience = 250 * time.Millisecond

// careful is a logger of the user's as a follower may use it.
type careful struct {
	to   log.Logger
	busy atomic.Bool  // it has not returned
	lost atomic.Int64 // lines that were not logged meanwhile
}

// Careful returns a logger that writes to l, which is the user's, and never harms who calls it: l may panic, end its
// goroutine, or block. One that blocks gets no further line before it has returned. nil is nil.
func Careful(l log.Logger) log.Logger {
	if l == nil {
		return nil
	}
	return &careful{to: l}
}

// Log implements log.Logger. It is safe for concurrent use; of two lines at the same time one may be lost, and counted.
func (c *careful) Log(keyvals ...any) error {
	if !c.busy.CompareAndSwap(false, true) {
		c.lost.Add(1)
		return nil
	}
	if n := c.lost.Swap(0); n > 0 {
		keyvals = append(keyvals, "lost_before", n)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer c.busy.Store(false)
		defer func() { _ = recover() }()
		_ = c.to.Log(keyvals...)
	}()
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case <-done:
	case <-late.C:
	}
	return nil
}
