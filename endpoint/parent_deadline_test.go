package endpoint

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/go-kit/kit/sd"

	"github.com/muxkit/muxkit/muxpool/deadline"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// TestTheCallersContextEndsBeforeItsCall: a call that ends at the deadline of its
// caller's context returns when that context has ended, with its cause, and Retry says
// that it was the context; also where the pool could know the time before.
func TestTheCallersContextEndsBeforeItsCall(t *testing.T) {
	pool := newPool(t)
	address := serveHanging(t)
	s := NewSet(sd.FixedInstancer{address}, nil, WithRetry(3, 0), WithIdempotent(Always))
	defer s.Close()
	call := s.Endpoint("Hang", func(n transport.Node) *transport.Client {
		return transport.NewClient(pool, n, native.Protocol{}, "Hang", transport.EncodeBytes, transport.DecodeBytes)
	})
	mine := errors.New("my time is over")
	for i := range 100 {
		parent, cancel := context.WithTimeoutCause(t.Context(), 2*time.Millisecond, mine)
		ctx := parent
		if i%2 == 0 { // later than the parent's
			ctx, _ = deadline.WithTimeout(parent, time.Hour)
		}
		_, err := call(ctx, []byte("x"))
		mustBe(t, err, context.DeadlineExceeded)
		if e := as[*RetryError](t, err); e.GaveUp != GaveUpContext {
			t.Errorf("gave up for %v", e.GaveUp)
		}
		if parent.Err() == nil || ctx.Err() == nil || !errors.Is(err, mine) {
			t.Errorf("parent %v, context %v, error %v", parent.Err(), ctx.Err(), err)
		}
		cancel()
	}
}
