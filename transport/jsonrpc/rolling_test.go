package jsonrpc_test

import (
	"context"
	"errors"
	"net"
	"net/rpc"
	stdjsonrpc "net/rpc/jsonrpc"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/jsonrpc"
)

// pipes is a net.Listener of in-memory connections.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case nc := <-p.conns:
		return nc, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { p.once.Do(func() { close(p.closed) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

func (p *pipes) dial() (*rpc.Client, error) {
	ours, theirs := net.Pipe()
	select {
	case p.conns <- theirs:
		return stdjsonrpc.NewClient(ours), nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

// rolling is a Service that is shut down and started again.
type rolling struct {
	at      atomic.Pointer[pipes]
	ran     *atomic.Int64
	service *transport.Service
	serving sync.WaitGroup
}

func (r *rolling) start() {
	l := &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
	r.service = transport.NewService(jsonrpc.Protocol{})
	r.service.Handle("Arith.Multiply", transport.NewServer(func(_ context.Context, request any) (any, error) {
		a := request.(Args)
		r.ran.Add(1)
		time.Sleep(time.Duration(a.B%30) * time.Millisecond) // of bubble time
		return a.A * a.B, nil
	}, transport.DecodeJSON[Args], transport.EncodeJSON))
	r.serving.Go(func() { _ = r.service.Serve(l) })
	r.at.Store(l)
}

// TestRollingShutdownOfPlainPeers: clients of net/rpc know nothing of servers that go away.
// Each of their calls is answered while two Services are shut down in turn, 3 times each, or 20
// with MUXPOOL_FULL set:
// with its result, or, 2 s after the end began, that the Service is unavailable, unrun.
func TestRollingShutdownOfPlainPeers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ran, answered, refused atomic.Int64
		nodes := [2]*rolling{{ran: &ran}, {ran: &ran}}
		for _, n := range nodes {
			n.start()
		}
		over := make(chan struct{})
		var callers sync.WaitGroup
		for i := range 16 {
			callers.Go(func() {
				at := i
				var client *rpc.Client
				for j := 0; ; j++ {
					select {
					case <-over:
						client.Close()
						return
					case <-time.After(time.Duration(i)*time.Millisecond + 1): // no timer is due when it is made: decision 0052
					}
					for moved := 0; ; moved++ {
						for client == nil {
							client, _ = nodes[at%2].at.Load().dial()
							if client == nil {
								at++
							}
						}
						var got int
						err := client.Call("Arith.Multiply", Args{i, j}, &got)
						if err == nil && got == i*j {
							answered.Add(1)
							break
						}
						if err == nil || !strings.HasPrefix(err.Error(), "unavailable: ") || moved > 2 {
							t.Errorf("lost: %d * %d is %d, %v", i, j, got, err)
							break
						}
						refused.Add(1)
						client.Close()
						client = nil
						at++
					}
				}
			})
		}
		rounds := 3
		if os.Getenv("MUXPOOL_FULL") != "" {
			rounds = 20
		}
		for range rounds {
			for _, n := range nodes {
				time.Sleep(time.Second)
				ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
				start := time.Now()
				if err := n.service.Shutdown(ctx); err != nil || time.Since(start) > 3*time.Second {
					t.Errorf("Shutdown: %v after %v", err, time.Since(start))
				}
				cancel()
				bounded.Wait(t, n.serving.Wait)
				n.start()
			}
		}
		close(over)
		bounded.Wait(t, callers.Wait)
		for _, n := range nodes {
			if err := n.service.Shutdown(context.Background()); err != nil && !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
			bounded.Wait(t, n.serving.Wait)
		}
		if ran.Load() != answered.Load() || refused.Load() == 0 {
			t.Errorf("%d calls were run, %d answered, %d refused", ran.Load(), answered.Load(), refused.Load())
		}
	})
}
