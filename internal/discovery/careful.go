package discovery

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/go-kit/log"
)

// careful is a logger of the user's as a follower may use it.
type careful struct {
	to   log.Logger
	code Outside
	lost atomic.Int64 // lines that were not logged while it did not return
}

// over is a context that has ended: what runs with it is waited for no longer than patience.
var over = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

// Careful returns a logger that writes to l, which is the user's, and never harms who calls it: l may panic, end its
// goroutine, or block. One that blocks gets no further line before it has returned. nil is nil.
func Careful(l log.Logger) log.Logger {
	if l == nil {
		return nil
	}
	return &careful{to: l, code: Outside{Name: "the logger"}}
}

// Log implements log.Logger. It is safe for concurrent use; of two lines at the same time one may be lost, and counted.
func (c *careful) Log(keyvals ...any) error {
	_, err := Run(over, &c.code, func() (struct{}, error) {
		if n := c.lost.Swap(0); n > 0 {
			keyvals = append(keyvals, "lost_before", n)
		}
		return struct{}{}, c.to.Log(keyvals...)
	})
	if errors.Is(err, errBusy) {
		c.lost.Add(1)
	}
	return nil
}
