package jsonrpc_test

import (
	"context"
	"errors"
	"net"
	"net/rpc"
	stdjsonrpc "net/rpc/jsonrpc"
	"sync"
	"testing"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/jsonrpc"
)

// Args and Arith are the service that net/rpc users know.
type Args struct{ A, B int }

// Arith is served by both sides.
type Arith struct{ release chan struct{} }

func (a *Arith) Multiply(args *Args, reply *int) error { *reply = args.A * args.B; return nil }

// Slow answers when it is told to.
func (a *Arith) Slow(args *Args, reply *int) error { <-a.release; *reply = args.A; return nil }

// Divide may fail.
func (a *Arith) Divide(args *Args, reply *int) error {
	if args.B == 0 {
		return errors.New("divide by zero")
	}
	*reply = args.A / args.B
	return nil
}

func testContext(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func TestClientAgainstNetRPC(t *testing.T) {
	arith := &Arith{release: make(chan struct{})}
	std := rpc.NewServer()
	if err := std.Register(arith); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { std.ServeCodec(stdjsonrpc.NewServerCodec(nc)) })
		}
	})
	pool, err := muxpool.New(muxpool.WithConnectNumber(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pool.Close(); l.Close(); bounded.Wait(t, serving.Wait) })
	node := transport.Node{Network: "tcp", Address: l.Addr().String()}
	call := func(method string, args Args) (any, error) {
		return transport.NewClient(pool, node, jsonrpc.Protocol{}, method, transport.EncodeJSON, transport.DecodeJSON[int]).
			Endpoint()(testContext(t), args)
	}

	slow := make(chan any, 1)
	go func() { got, _ := call("Arith.Slow", Args{A: 41}); slow <- got }()
	var callers sync.WaitGroup
	for i := range 32 {
		callers.Go(func() {
			for j := range 20 {
				if got, err := call("Arith.Multiply", Args{i, j}); err != nil || got != i*j {
					t.Errorf("%d * %d: got %v, %v", i, j, got, err)
				}
			}
		})
	}
	bounded.Wait(t, callers.Wait)
	close(arith.release)
	if got := bounded.Receive(t, slow); got != 41 {
		t.Errorf("the call that was answered last got %v", got)
	}

	_, err = call("Arith.Divide", Args{1, 0})
	var e *transport.Error
	if !errors.As(err, &e) || e.Message != "divide by zero" || !e.Remote || e.Code != transport.CodeUnknown {
		t.Errorf("got %v", err)
	}
	for _, method := range []string{"Arith.Nothing", "Nobody.Nothing", "NoDot"} {
		_, err = call(method, Args{})
		if !errors.As(err, &e) || !e.Remote || (method != "NoDot" && e.Code != transport.CodeUnimplemented) {
			t.Errorf("%s: got %v", method, err)
		}
	}
	oneWay := transport.NewClient(pool, node, jsonrpc.Protocol{}, "Arith.Multiply", transport.EncodeJSON, nil, transport.ClientOneWay())
	if _, err := oneWay.Endpoint()(testContext(t), Args{1, 2}); err != nil {
		t.Errorf("one-way: %v", err)
	}
	if got, err := call("Arith.Multiply", Args{6, 7}); err != nil || got != 42 {
		t.Errorf("in the end: %v, %v", got, err)
	}
	if n := pool.Stats().Dials; n != 1 {
		t.Errorf("%d dials", n)
	}
}

func TestNetRPCAgainstService(t *testing.T) {
	release := make(chan struct{})
	endpoint := func(f func(Args) (int, error)) *transport.Server {
		return transport.NewServer(func(_ context.Context, r any) (any, error) { return f(r.(Args)) },
			transport.DecodeJSON[Args], transport.EncodeJSON)
	}
	s := transport.NewService(jsonrpc.Protocol{})
	s.Handle("Arith.Multiply", endpoint(func(a Args) (int, error) { return a.A * a.B, nil }))
	s.Handle("Arith.Slow", endpoint(func(a Args) (int, error) { <-release; return a.A, nil }))
	s.Handle("Arith.Divide", endpoint(func(a Args) (int, error) { return 0, errors.New("divide by zero") }))
	s.Handle("Arith.Nothing", transport.NewServer(func(context.Context, any) (any, error) { return nil, nil },
		transport.NopRequestDecoder, func(context.Context, *transport.Message, any) error { return nil }))
	s.Handle("Arith.Null", transport.NewServer(func(context.Context, any) (any, error) { return nil, nil },
		transport.NopRequestDecoder, transport.EncodeJSON))
	s.Handle("Arith.Panic", endpoint(func(Args) (int, error) { panic("boom") }))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	client, err := stdjsonrpc.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		client.Close()
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		bounded.Receive(t, served)
	})

	for _, method := range []string{"Arith.Nothing", "Arith.Null"} { // net/rpc drops the connection on a result of null
		for _, reply := range []any{nil, &struct{}{}, new(any), new(map[string]int)} {
			if err := client.Call(method, Args{}, reply); err != nil {
				t.Errorf("%s into a %T: %v", method, reply, err)
			}
		}
	}
	var slow int
	pending := client.Go("Arith.Slow", Args{A: 41}, &slow, nil)
	for i := range 100 {
		var got int
		if err := client.Call("Arith.Multiply", Args{i, 3}, &got); err != nil || got != 3*i {
			t.Fatalf("3 * %d: got %d, %v", i, got, err)
		}
	}
	close(release)
	if call := bounded.Receive(t, pending.Done); call.Error != nil || slow != 41 {
		t.Errorf("the call that was answered last got %d, %v", slow, call.Error)
	}
	for method, want := range map[string]string{
		"Arith.Divide":  "divide by zero",
		"Arith.Panic":   "internal: internal error",
		"Arith.Unknown": "rpc: can't find method Arith.Unknown",
	} {
		if err := client.Call(method, Args{}, new(int)); err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", method, err, want)
		}
	}
	var wrong struct{ A string }
	wrong.A = "not a number"
	if err := client.Call("Arith.Multiply", wrong, new(int)); err == nil {
		t.Error("a request of the wrong type was answered")
	}
	var got int
	if err := client.Call("Arith.Multiply", Args{6, 7}, &got); err != nil || got != 42 {
		t.Errorf("in the end: %d, %v", got, err)
	}
}
