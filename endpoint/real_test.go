package endpoint

import (
	"bytes"
	"context"
	"errors"
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
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/muxtest"
	"github.com/muxkit/muxkit/muxpool/verdict"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// serve serves a method on the loopback. stop ends it hard.
func serve(t testing.TB, method string, ep func(address string) endpoint.Endpoint) (address string, stop func()) {
	l := listen(t)
	address = l.Addr().String()
	s := transport.NewService(native.Protocol{})
	s.Handle(method, transport.NewServer(ep(address), transport.DecodeBytes, transport.EncodeBytes))
	return address, serveOn(t, s, l)
}

// keptPort is an address at which somebody is to listen, end, and listen again: meanwhile nobody else gets it.
func keptPort(t testing.TB) (address string) {
	t.Helper()
	down := muxtest.NewPeer(nil)
	t.Cleanup(func() { down.Close() })
	address, err := down.Listen("tcp", "127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	down.Down() // it keeps its port
	return address
}

// serveOn runs a Service until stop, or the end of the test.
func serveOn(t testing.TB, s *transport.Service, l net.Listener) (stop func()) {
	var wg sync.WaitGroup
	wg.Go(func() { s.Serve(l) })
	stop = sync.OnceFunc(func() {
		s.Close()
		wg.Wait()
	})
	t.Cleanup(stop)
	return stop
}

// serveEcho answers with the service's address and the request.
func serveEcho(t testing.TB) (address string, stop func()) {
	return serve(t, "Echo", func(address string) endpoint.Endpoint {
		return func(_ context.Context, request any) (any, error) {
			return append([]byte(address+" "), request.([]byte)...), nil
		}
	})
}

// serveHanging never answers, not even when the caller's time is over.
func serveHanging(t testing.TB) string {
	end := make(chan struct{})
	address, _ := serve(t, "Hang", func(string) endpoint.Endpoint {
		return func(context.Context, any) (any, error) {
			<-end
			return []byte(nil), nil
		}
	})
	t.Cleanup(func() { close(end) })
	return address
}

func timeoutPerNode(string, muxpool.Node) endpoint.Middleware { return Timeout(20 * time.Millisecond) }

func newPool(t testing.TB) *muxpool.Multiplexed {
	pool, err := muxpool.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pool.Close() })
	return pool
}

func echoClient(pool muxpool.Pool) func(transport.Node) *transport.Client {
	return func(n transport.Node) *transport.Client {
		return transport.NewClient(pool, n, native.Protocol{}, "Echo", transport.EncodeBytes, transport.DecodeBytes)
	}
}

// Three services, callers all the time, and one of the services is killed: each
// idempotent call gets its own answer, and the breaker takes the node out.
func TestNoIdempotentCallIsLostWhenANodeIsKilled(t *testing.T) {
	pool := newPool(t)
	g := breaker.NewGroup()
	defer g.Close()
	defer g.Watch(pool)()
	a, kill := serveEcho(t)
	b, _ := serveEcho(t)
	c, _ := serveEcho(t)
	s := NewSet(sd.FixedInstancer{a, b, c}, nil, WithBreakers(g), WithRetry(4, 0), WithIdempotent(Always), WithBudget(NewBudget(1, 10000)))
	defer s.Close()
	echo := TypedFrom[[]byte, []byte](s.Endpoint("Echo", echoClient(pool)))

	const callers, calls = 16, 400
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var done, fromKilled atomic.Int64
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			for j := range calls {
				nonce := fmt.Appendf(nil, "%d/%d", i, j)
				got, err := echo(ctx, nonce)
				address, answer, _ := bytes.Cut(got, []byte(" "))
				if err != nil || !bytes.Equal(answer, nonce) {
					t.Errorf("call %s: %q, %v", nonce, got, err)
					return
				}
				if string(address) == a {
					fromKilled.Add(1)
				}
				if done.Add(1) == callers*calls/4 {
					kill()
				}
			}
		})
	}
	bounded.Wait(t, wg.Wait)
	equal(t, "calls answered", done.Load(), callers*calls)
	if fromKilled.Load() == 0 {
		t.Error("the killed service never answered: nothing was shown")
	}
}

func TestAllNodesKilledIsToldWithEachReason(t *testing.T) {
	pool := newPool(t)
	g := breaker.NewGroup(breaker.WithMaxEjection(1))
	defer g.Close()
	defer g.Watch(pool)()
	a, stopA := serveEcho(t)
	s := NewSet(sd.FixedInstancer{a}, nil, WithBreakers(g), WithRetry(3, 0), WithIdempotent(Always), WithoutWait())
	defer s.Close()
	ep := s.Endpoint("Echo", echoClient(pool))
	if _, err := ep(t.Context(), []byte("x")); err != nil {
		t.Fatal(err)
	}
	stopA()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for {
		_, err := ep(ctx, []byte("x"))
		if err == nil {
			t.Fatal("a killed node answered")
		}
		if ctx.Err() != nil {
			t.Fatalf("the breaker did not open: %v", err)
		}
		if all := (*AllOpenError)(nil); errors.As(err, &all) {
			equal(t, "node", all.Nodes[0].Node, muxpool.Node{Network: "tcp", Address: a})
			equal(t, "sent", verdict.Of(all).Sent(), false)
			return
		}
	}
}

// BenchmarkCall compares the chain with the bare client, over the loopback.
func BenchmarkCall(b *testing.B) {
	pool := newPool(b)
	address, _ := serveEcho(b)
	g := breaker.NewGroup()
	defer g.Close()
	defer g.Watch(pool)()
	n := muxpool.Node{Network: "tcp", Address: address}
	body := bytes.Repeat([]byte("x"), 128)
	run := func(name string, ep func(context.Context, any) (any, error)) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetParallelism(32)
			b.RunParallel(func(pb *testing.PB) {
				ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
				defer cancel()
				for pb.Next() {
					if _, err := ep(ctx, body); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
	run("client", echoClient(pool)(n).Endpoint())
	for name, timeout := range map[string]time.Duration{"set": time.Hour, "set with a timeout": time.Second} {
		s := NewSet(sd.FixedInstancer{address}, nil, WithBreakers(g), WithRetry(3, timeout))
		defer s.Close()
		run(name, s.Endpoint("Echo", echoClient(pool)))
	}
}
