package endpoint

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-kit/kit/sd"

	"github.com/muxkit/muxkit/breaker"
	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/jsonrpc"
	"github.com/muxkit/muxkit/transport/native"
	"github.com/muxkit/muxkit/transport/trpc"
)

// rollingService is a Service that is shut down and started again at its address.
type rollingService struct {
	protocol transport.ServerProtocol
	address  string
	served   atomic.Int64
	service  *transport.Service
	end      chan error
}

const rollingMethod = "/muxkit.Test/Echo"

func (r *rollingService) start(t *testing.T) {
	t.Helper()
	var l net.Listener
	var err error
	for range 500 { // its own port is free in a moment
		if l, err = net.Listen("tcp", r.address); err == nil {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if err != nil {
		t.Fatal(err)
	}
	r.address = l.Addr().String()
	r.service, r.end = transport.NewService(r.protocol), make(chan error, 1)
	r.service.Handle(rollingMethod, transport.NewServer(func(_ context.Context, request any) (any, error) {
		r.served.Add(1)
		time.Sleep(time.Millisecond)
		return request, nil
	}, transport.DecodeJSON[string], transport.EncodeJSON))
	go func() { r.end <- r.service.Serve(l) }()
}

func (r *rollingService) stop(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := r.service.Shutdown(ctx); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
	if err := bounded.Receive(t, r.end); !errors.Is(err, transport.ErrServiceClosed) {
		t.Errorf("Serve: %v", err)
	}
}

// rounds is how often each service is shut down: 20 times with MUXPOOL_FULL set.
func rounds() int {
	if os.Getenv("MUXPOOL_FULL") != "" {
		return 20
	}
	return 3
}

// TestRollingShutdownLosesNoCall: services are shut down under steady load and started
// again, one after the other, while discovery goes on naming them: calls that may not be
// repeated all succeed, with the options of the README, but for a time in which a busy machine has answered.
func TestRollingShutdownLosesNoCall(t *testing.T) {
	for name, p := range map[string]transport.ServerProtocol{
		"native":   native.Protocol{},
		"JSON-RPC": jsonrpc.Protocol{},
		"tRPC":     trpc.Protocol{ContentType: trpc.ContentJSON},
	} {
		t.Run(name, func(t *testing.T) {
			nodes := [2]*rollingService{{protocol: p, address: keptPort(t)}, {protocol: p, address: keptPort(t)}}
			for _, n := range nodes {
				n.start(t)
			}
			pool := newPool(t)
			g := breaker.NewGroup(breaker.WithMaxEjection(0.5))
			defer g.Close()
			defer g.Watch(pool)()
			s := NewSet(sd.FixedInstancer{nodes[0].address, nodes[1].address}, nil, WithBreakers(g), WithRetry(3, 10*time.Second))
			defer s.Close()
			echo := TypedFrom[string, string](s.Endpoint(rollingMethod, func(n transport.Node) *transport.Client {
				return transport.NewClient(pool, n, p, rollingMethod, transport.EncodeJSON, transport.DecodeJSON[string])
			}))
			var calls atomic.Int64
			over := make(chan struct{})
			var callers sync.WaitGroup
			for i := range 16 {
				callers.Go(func() {
					for j := 0; ; j++ {
						select {
						case <-over:
							return
						default:
						}
						nonce := fmt.Sprintf("%d/%d", i, j)
						ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
						got, err := echo(ctx, nonce)
						cancel()
						calls.Add(1)
						if err != nil || got != nonce {
							t.Errorf("lost: %q, %v", got, err)
						}
					}
				})
			}
			// each node is shut down when it has served again, which a deadline bounds
			for range rounds() {
				for _, n := range nodes {
					for end, was := time.Now().Add(30*time.Second), n.served.Load(); n.served.Load() < was+50 && time.Now().Before(end); {
						time.Sleep(time.Millisecond)
					}
					n.stop(t)
					n.start(t)
				}
			}
			close(over)
			bounded.Wait(t, callers.Wait)
			for _, n := range nodes {
				n.stop(t)
			}
			t.Logf("%d calls, %d and %d were run", calls.Load(), nodes[0].served.Load(), nodes[1].served.Load())
			if ran := nodes[0].served.Load() + nodes[1].served.Load(); ran != calls.Load() {
				t.Errorf("%d calls, %d were run", calls.Load(), ran)
			}
		})
	}
}
