package transport_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"strings"
	"time"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/deadline"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

type sumRequest struct{ A, B int }
type sumResponse struct{ V int }

func sum(_ context.Context, request any) (any, error) {
	r := request.(sumRequest)
	if r.A < 0 {
		return nil, errors.New("negative")
	}
	return sumResponse{r.A + r.B}, nil
}

// startSum serves Sum on a port of its own, and returns a pool and the node.
func startSum(serverOptions []transport.ServerOption, serviceOptions ...transport.ServiceOption) (*muxpool.Multiplexed, transport.Node, func()) {
	s := transport.NewService(native.Protocol{}, serviceOptions...)
	s.Handle("Sum", transport.NewServer(sum, transport.DecodeJSON[sumRequest], transport.EncodeJSON, serverOptions...))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	pool, err := muxpool.New()
	if err != nil {
		log.Fatal(err)
	}
	return pool, transport.Node{Network: "tcp", Address: l.Addr().String()}, func() { pool.Close(); s.Close(); <-done }
}

func sumClient(pool muxpool.Pool, node transport.Node, options ...transport.ClientOption) *transport.Client {
	return transport.NewClient(pool, node, native.Protocol{}, "Sum",
		transport.EncodeJSON, transport.DecodeJSON[sumResponse], options...)
}

func Example() {
	// The server.
	service := transport.NewService(native.Protocol{})
	service.Handle("Sum", transport.NewServer(sum, transport.DecodeJSON[sumRequest], transport.EncodeJSON))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- service.Serve(l) }()

	// The client.
	pool, err := muxpool.New()
	if err != nil {
		log.Fatal(err)
	}
	node := transport.Node{Network: "tcp", Address: l.Addr().String()}
	endpoint := transport.NewClient(pool, node, native.Protocol{}, "Sum",
		transport.EncodeJSON, transport.DecodeJSON[sumResponse]).Endpoint()
	response, err := endpoint(context.Background(), sumRequest{1, 2})
	fmt.Println(response, err)

	pool.Close()
	fmt.Println(service.Shutdown(context.Background()), <-done)
	// Output:
	// {3} <nil>
	// <nil> transport: service closed
}

func ExampleClientBefore() {
	show := transport.ServerBefore(func(ctx context.Context, m *transport.Message) context.Context {
		fmt.Println("the server sees", m.Get("trace"))
		return ctx
	})
	pool, node, stop := startSum([]transport.ServerOption{show})
	defer stop()
	c := sumClient(pool, node, transport.ClientBefore(transport.SetRequestMetadata("trace", "7f")))
	fmt.Println(c.Endpoint()(context.Background(), sumRequest{1, 2}))
	// Output:
	// the server sees 7f
	// {3} <nil>
}

func ExampleClientAfter() {
	tell := transport.ServerAfter(transport.SetResponseMetadata("served-by", "node 1"))
	pool, node, stop := startSum([]transport.ServerOption{tell})
	defer stop()
	c := sumClient(pool, node, transport.ClientAfter(func(ctx context.Context, m *transport.Message) context.Context {
		fmt.Println(m.Get("served-by"))
		return ctx
	}))
	fmt.Println(c.Endpoint()(context.Background(), sumRequest{1, 2}))
	// Output:
	// node 1
	// {3} <nil>
}

func ExampleClientFinalizer() {
	pool, node, stop := startSum(nil)
	defer stop()
	c := sumClient(pool, node, transport.ClientFinalizer(func(ctx context.Context, err error) {
		fmt.Println(ctx.Value(transport.ContextKeyMethod), "took", ctx.Value(transport.ContextKeyResponseBytes), "bytes:", err)
	}))
	_, _ = c.Endpoint()(context.Background(), sumRequest{1, 2})
	// Output: Sum took 23 bytes: <nil>
}

func ExampleClientTimeout() {
	returned := make(chan struct{})
	slow := transport.ServerBefore(func(ctx context.Context, _ *transport.Message) context.Context {
		<-ctx.Done() // the server knows the caller's deadline
		<-returned   // and is slower still
		return ctx
	})
	pool, node, stop := startSum([]transport.ServerOption{slow})
	defer stop()
	c := sumClient(pool, node, transport.ClientTimeout(20*time.Millisecond))
	_, err := c.Endpoint()(context.Background(), sumRequest{1, 2})
	close(returned)
	fmt.Println(errors.Is(err, context.DeadlineExceeded))
	// Output: true
}

func ExampleClientOneWay() {
	seen := make(chan transport.Message, 1)
	look := transport.ServerBefore(func(ctx context.Context, m *transport.Message) context.Context {
		seen <- transport.Message{Method: m.Method, OneWay: m.OneWay}
		return ctx
	})
	pool, node, stop := startSum([]transport.ServerOption{look})
	defer stop()
	c := sumClient(pool, node, transport.ClientOneWay())
	fmt.Println(c.Endpoint()(context.Background(), sumRequest{1, 2}))
	m := <-seen
	fmt.Println(m.Method, m.OneWay)
	// Output:
	// <nil> <nil>
	// Sum true
}

func ExampleClientGetOptions() {
	pool, node, stop := startSum(nil)
	defer stop()
	c := sumClient(pool, node, transport.ClientGetOptions(func(o *muxpool.GetOptions) {
		o.WithLocalAddr("127.0.0.1:0") // or WithTLSConfig, WithDialTLS
	}))
	fmt.Println(c.Endpoint()(context.Background(), sumRequest{1, 2}))
	// Output: {3} <nil>
}

func ExampleServerErrorEncoder() {
	encode := transport.ServerErrorEncoder(func(ctx context.Context, err error, resp *transport.Message) {
		transport.DefaultErrorEncoder(ctx, err, resp)
		if err.Error() == "negative" {
			resp.Err = transport.Business(22, "only positive numbers, please")
		}
	})
	pool, node, stop := startSum([]transport.ServerOption{encode})
	defer stop()
	_, err := sumClient(pool, node).Endpoint()(context.Background(), sumRequest{-1, 2})
	var e *transport.Error
	fmt.Println(errors.As(err, &e), e.Code, e.Status, e.Message)
	// Output: true business 22 only positive numbers, please
}

func ExampleServerErrorHandler() {
	handled := make(chan error, 1)
	pool, node, stop := startSum([]transport.ServerOption{transport.ServerErrorHandler(handlerFunc(func(_ context.Context, err error) {
		handled <- err
	}))})
	defer stop()
	_, err := sumClient(pool, node).Endpoint()(context.Background(), sumRequest{-1, 2})
	fmt.Println("handled:", <-handled)
	fmt.Println(strings.Replace(err.Error(), node.Address, "10.0.0.1:8080", 1))
	// Output:
	// handled: negative
	// Sum on tcp://10.0.0.1:8080: unknown (method, maybe ran): negative
}

type handlerFunc func(context.Context, error)

func (f handlerFunc) Handle(ctx context.Context, err error) { f(ctx, err) }

func ExampleServerFinalizer() {
	ended := make(chan string, 1)
	pool, node, stop := startSum([]transport.ServerOption{transport.ServerFinalizer(func(ctx context.Context, err error) {
		ended <- fmt.Sprint(ctx.Value(transport.ContextKeyMethod), ": ", err)
	})})
	defer stop()
	_, _ = sumClient(pool, node).Endpoint()(context.Background(), sumRequest{-1, 2})
	fmt.Println(<-ended)
	// Output: Sum: negative
}

func ExampleServerInline() {
	pool, node, stop := startSum([]transport.ServerOption{transport.ServerInline()})
	defer stop()
	fmt.Println(sumClient(pool, node).Endpoint()(context.Background(), sumRequest{1, 2}))
	// Output: {3} <nil>
}

func ExampleServiceMaxInFlight() {
	pool, node, stop := startSum(nil,
		transport.ServiceMaxConns(100),
		transport.ServiceMaxInFlight(64, 1024), // 64 a connection, 1024 in all
		transport.ServiceMaxFrameSize(64<<10),
		transport.ServiceMaxQueuedBytes(1<<20),
		transport.ServiceWorkers(16))
	defer stop()
	fmt.Println(sumClient(pool, node).Endpoint()(context.Background(), sumRequest{1, 2}))
	// Output: {3} <nil>
}

func ExampleServiceIdleTimeout() {
	pool, node, stop := startSum(nil,
		transport.ServiceIdleTimeout(time.Minute),
		transport.ServiceFrameTimeout(5*time.Second),
		transport.ServiceHandshakeTimeout(5*time.Second),
		transport.ServiceWriteTimeout(3*time.Second))
	defer stop()
	fmt.Println(sumClient(pool, node).Endpoint()(context.Background(), sumRequest{1, 2}))
	// Output: {3} <nil>
}

func ExampleServiceConnContext() {
	type key struct{}
	show := transport.ServerBefore(func(ctx context.Context, _ *transport.Message) context.Context {
		fmt.Println("from", ctx.Value(key{}))
		return ctx
	})
	pool, node, stop := startSum([]transport.ServerOption{show}, transport.ServiceConnContext(
		func(ctx context.Context, nc net.Conn) context.Context {
			return context.WithValue(ctx, key{}, nc.RemoteAddr().(*net.TCPAddr).IP)
		}))
	defer stop()
	fmt.Println(sumClient(pool, node).Endpoint()(context.Background(), sumRequest{1, 2}))
	// Output:
	// from 127.0.0.1
	// {3} <nil>
}

func ExampleServiceErrorHandler() {
	handled := make(chan error, 1)
	pool, node, stop := startSum(nil, transport.ServiceErrorHandler(handlerFunc(func(_ context.Context, err error) {
		handled <- errors.Unwrap(err) // err begins with the client's address
	})))
	defer stop()
	c := transport.NewClient(pool, node, native.Protocol{}, "Product", transport.EncodeJSON, transport.DecodeJSON[sumResponse])
	_, err := c.Endpoint()(context.Background(), sumRequest{1, 2})
	select {
	case e := <-handled: // on a goroutine of its own: before the answer, or after it
		fmt.Println("handled:", e)
	case <-time.After(10 * time.Second):
	}
	fmt.Println(strings.Replace(err.Error(), node.Address, "10.0.0.1:8080", 1))
	// Output:
	// handled: unimplemented: unknown method Product
	// Product on tcp://10.0.0.1:8080: unimplemented (nobody, refused): unknown method Product
}

// Bodies that are bytes already need not be copied: the memory of a Buffer is that
// of the frame, until it is released.
func ExampleBuffer() {
	service := transport.NewService(native.Protocol{})
	service.Handle("Upper", transport.NewServer(
		func(_ context.Context, request any) (any, error) {
			b := request.(*transport.Buffer)
			for i, c := range b.Data {
				if 'a' <= c && c <= 'z' {
					b.Data[i] = c - 'a' + 'A'
				}
			}
			return b, nil // EncodeResponseBuffer releases it
		}, transport.DecodeBuffer, transport.EncodeResponseBuffer))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- service.Serve(l) }()
	defer func() { service.Close(); <-done }()

	pool, err := muxpool.New()
	if err != nil {
		log.Fatal(err)
	}
	defer pool.Close()
	upper := transport.NewClient(pool, transport.Node{Network: "tcp", Address: l.Addr().String()}, native.Protocol{}, "Upper",
		transport.EncodeBuffer, transport.DecodeBuffer).Endpoint()

	ctx, cancel := deadline.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	response, err := upper(ctx, &transport.Buffer{Data: []byte("hello")})
	if err != nil {
		log.Fatal(err)
	}
	b := response.(*transport.Buffer)
	defer b.Release()
	fmt.Printf("%s\n", b.Data)
	// Output: HELLO
}
