package endpoint

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-kit/kit/endpoint"
	"github.com/go-kit/kit/sd"

	"github.com/muxkit/muxkit/breaker"
	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// echoAt serves Echo on an address that it may have had before.
func echoAt(t *testing.T, address string) (at string, shutdown func()) {
	var l net.Listener
	eventually(t, "the port is ours, and not free", func() (listens bool) {
		var err error
		l, err = net.Listen("tcp", address)
		return err == nil
	})
	s := transport.NewService(native.Protocol{})
	s.Handle("Echo", transport.NewServer(endpoint.Endpoint(func(_ context.Context, request any) (any, error) {
		time.Sleep(time.Millisecond)
		return request, nil
	}), transport.DecodeBytes, transport.EncodeBytes))
	stop := serveOn(t, s, l)
	return l.Addr().String(), func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		stop()
	}
}

// Two nodes are restarted, one after the other, and then both at once, with the options of
// the README, but for a time in which a busy machine has answered: calls that may not be
// repeated are made, all of them.
func TestARestartLosesNoCall(t *testing.T) {
	a, stopA := echoAt(t, keptPort(t))
	b, stopB := echoAt(t, keptPort(t))
	pool := newPool(t)
	g := breaker.NewGroup(breaker.WithMaxEjection(0.5))
	defer g.Close()
	defer g.Watch(pool)()
	s := NewSet(sd.FixedInstancer{a, b}, nil, WithBreakers(g), WithRetry(3, 10*time.Second))
	defer s.Close()
	echo := TypedFrom[[]byte, []byte](s.Endpoint("Echo", echoClient(pool)))
	const callers = 8
	var calls, lost atomic.Int64
	over := make(chan struct{})
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			for j := 0; ; j++ {
				select {
				case <-over:
					return
				default:
				}
				nonce := fmt.Appendf(nil, "%d/%d", i, j)
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
				got, err := echo(ctx, nonce)
				cancel()
				calls.Add(1)
				if err != nil || !bytes.Equal(got, nonce) {
					lost.Add(1)
					t.Errorf("%q, %v", got, err)
				}
			}
		})
	}
	answered := func(n int64) { // that many more calls
		t.Helper()
		from := calls.Load()
		eventually(t, "no call is answered", func() bool { return calls.Load() >= from+n })
	}
	answered(100)
	stopA()
	answered(100) // by the other one
	_, stopA = echoAt(t, a)
	answered(100)
	stopB()
	answered(100)
	_, stopB = echoAt(t, b)
	answered(100)
	stopA()
	stopB()
	eventually(t, "not all callers wait", func() bool { return s.waiting.Load() == callers })
	echoAt(t, a)
	answered(100)
	echoAt(t, b)
	answered(100)
	close(over)
	bounded.Wait(t, wg.Wait)
	t.Logf("%d calls, %d lost", calls.Load(), lost.Load())
}
