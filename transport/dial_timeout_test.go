package transport_test

import (
	"context"
	"errors"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/verdict"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// A dial that takes too long is the path's failure and nobody's deadline; a caller whose
// own time ends while he waits for it has nothing against the node either.
func TestDialTimeoutIsToldFromTheCallersDeadline(t *testing.T) {
	slow := muxpool.WithDialContext(func(ctx context.Context, _, _ string) (net.Conn, error) {
		<-ctx.Done()
		return nil, &net.OpError{Op: "dial", Err: os.ErrDeadlineExceeded} // as net.Dialer says it
	})
	for name, c := range map[string]struct {
		left time.Duration
		took time.Duration
		code transport.Code
		late bool
		want verdict.Verdict
	}{
		"the dial's": {20 * time.Second, time.Second, transport.CodeConnection, false,
			verdict.Verdict{Code: transport.CodeConnection, Whose: verdict.Path, Ran: verdict.NotSent}},
		"the caller's": {500 * time.Millisecond, 500 * time.Millisecond, transport.CodeDeadlineExceeded, true,
			verdict.Verdict{Code: transport.CodeDeadlineExceeded, Whose: verdict.Nobody, Ran: verdict.NotSent}},
	} {
		synctest.Test(t, func(t *testing.T) {
			pool, err := muxpool.New(slow, muxpool.WithDialTimeout(time.Second))
			if err != nil {
				t.Fatal(err)
			}
			defer pool.Close()
			ctx, cancel := context.WithTimeout(t.Context(), c.left)
			defer cancel()
			begin := time.Now()
			node := transport.Node{Network: "tcp", Address: "192.0.2.1:7"}
			_, err = transport.NewClient(pool, node, native.Protocol{}, "M", transport.EncodeBytes, transport.DecodeBytes).Endpoint()(ctx, []byte{})
			if took := time.Since(begin); took != c.took {
				t.Errorf("%s: failed after %v", name, took)
			}
			e := asError(t, err)
			if e.Code != c.code || errors.Is(err, context.DeadlineExceeded) != c.late || e.Timeout() != c.late || e.Verdict() != c.want {
				t.Errorf("%s: %v, judged %v", name, err, e.Verdict())
			}
			var op *net.OpError
			if !c.late && (!errors.As(err, &op) || !errors.Is(err, os.ErrDeadlineExceeded)) {
				t.Errorf("%s: the cause is lost: %v", name, err)
			}
		})
	}
}
