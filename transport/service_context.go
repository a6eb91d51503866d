package transport

import (
	"sync/atomic"

	"github.com/muxkit/muxkit/muxpool/deadline"
)

// requestContext is the context of a call on a server. It ends when the client
// leaves or cancels the call, when the time that the request states is over, and
// when the call is done. It is the call's one allocation: as a deadline.Context it
// makes a timer and a channel only for who waits for them, and costs little again
// where it is the context of a call to another server.
type requestContext struct {
	deadline.Context
	method string
	size   int          // of the request's frame
	answer atomic.Int64 // size of the answer's frame; set before the finalizers run

	attempt int          // of the client's, as it says
	run     atomic.Int32 // under ServerMiddleware: runOpen, runBegun or runSealed
}

func (c *requestContext) Value(key any) any {
	switch key {
	case ContextKeyMethod:
		return c.method
	case ContextKeyRequestBytes:
		return c.size
	case contextKeyCallerAttempt:
		return c.attempt
	case contextKeyCall:
		return c
	case ContextKeyResponseBytes:
		if n := c.answer.Load(); n > 0 {
			return int(n)
		}
	}
	return c.Context.Value(key)
}
