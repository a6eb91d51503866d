package endpoint

import (
	"context"
	"errors"
	"net"
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
	silent, err := net.Listen("tcp", "127.0.0.1:0") // a Service may say that the time is over before the caller knows it
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	s := NewSet(sd.FixedInstancer{silent.Addr().String()}, nil, WithRetry(3, 0), WithIdempotent(Always))
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
			t.Errorf("gave up for %v: %v", e.GaveUp, err)
		}
		if parent.Err() == nil || ctx.Err() == nil || !errors.Is(err, mine) {
			t.Errorf("parent %v, context %v, error %v", parent.Err(), ctx.Err(), err)
		}
		cancel()
	}
}
