package transport_test

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// waitTime is how long a test waits for what must come; reaching it is a failure.
const waitTime = 20 * time.Second

func newPool(t *testing.T, opts ...muxpool.PoolOption) *muxpool.Multiplexed {
	t.Helper()
	pool, err := muxpool.New(opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pool.Close() })
	return pool
}

// echo is the endpoint that returns its request.
func echo(_ context.Context, request any) (any, error) { return request, nil }

// rawServer serves an endpoint of raw bytes.
func rawServer(e func(context.Context, any) (any, error), options ...transport.ServerOption) *transport.Server {
	return transport.NewServer(e, transport.DecodeBytes, transport.EncodeBytes, options...)
}

// service is a Service on a TCP socket of the loopback.
type service struct {
	*transport.Service
	node transport.Node
}

// serve starts a Service with the given methods.
func serve(t *testing.T, methods map[string]*transport.Server, options ...transport.ServiceOption) *service {
	t.Helper()
	return serveProtocol(t, native.Protocol{}, methods, options...)
}

func serveProtocol(t *testing.T, p transport.ServerProtocol, methods map[string]*transport.Server, options ...transport.ServiceOption) *service {
	t.Helper()
	return serveOn(t, listen(t), p, methods, options...)
}

func listen(tb testing.TB) net.Listener {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	return l
}

func serveOn(t *testing.T, l net.Listener, p transport.ServerProtocol, methods map[string]*transport.Server, options ...transport.ServiceOption) *service {
	t.Helper()
	s := transport.NewService(p, options...)
	for method, server := range methods {
		s.Handle(method, server)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := s.Serve(l); !errors.Is(err, transport.ErrServiceClosed) {
			t.Errorf("Serve: %v", err)
		}
	})
	t.Cleanup(func() {
		s.Close()
		bounded.Wait(t, wg.Wait)
		ctx, cancel := context.WithTimeout(context.Background(), waitTime)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil { // every call has returned
			t.Errorf("Shutdown after Close: %v", err)
		}
	})
	return &service{s, transport.Node{Network: l.Addr().Network(), Address: l.Addr().String()}}
}

// rawClient is the endpoint of a Client for raw bytes.
func rawClient(pool muxpool.Pool, node transport.Node, method string, options ...transport.ClientOption) func(context.Context, any) (any, error) {
	return transport.NewClient(pool, node, native.Protocol{}, method, transport.EncodeBytes, transport.DecodeBytes, options...).Endpoint()
}

func testContext(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), waitTime)
	t.Cleanup(cancel)
	return ctx
}

// wait waits until done is closed or has a value.
func wait[T any](t *testing.T, what string, done <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-done:
	case <-time.After(waitTime):
		t.Fatalf("%s: not within %v", what, waitTime)
	}
	return v
}

// asError is the *transport.Error in err.
func asError(t *testing.T, err error) *transport.Error {
	t.Helper()
	var e *transport.Error
	if !errors.As(err, &e) {
		t.Fatalf("error %v (%T) is no *transport.Error", err, err)
	}
	return e
}
