// A stranger's program: it serves a method and calls it.
package main

import (
	"context"
	"fmt"
	"log"
	"net"
	"time"

	"github.com/go-kit/kit/sd"
	kitlog "github.com/go-kit/log"
	"github.com/muxkit/muxkit/breaker"
	muxendpoint "github.com/muxkit/muxkit/endpoint"
	"github.com/muxkit/muxkit/muxpool"
	muxtransport "github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

type sumRequest struct{ A, B int }

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	sum, err := run(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(sum)
}

func run(ctx context.Context) (int, error) {
	service := muxtransport.NewService(native.Protocol{})
	service.Handle("Sum", muxtransport.NewServer(func(_ context.Context, request any) (any, error) {
		r := request.(sumRequest)
		return r.A + r.B, nil
	}, muxtransport.DecodeJSON[sumRequest], muxtransport.EncodeJSON))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	go service.Serve(l)
	defer service.Close()

	pool, err := muxpool.New()
	if err != nil {
		return 0, err
	}
	defer pool.Close()
	breakers := breaker.NewGroup()
	defer breakers.Close()
	defer breakers.Watch(pool)()
	set := muxendpoint.NewSet(sd.FixedInstancer{l.Addr().String()}, kitlog.NewNopLogger(),
		muxendpoint.WithBreakers(breakers), muxendpoint.WithRetry(3, time.Second))
	defer set.Close()
	sum := muxendpoint.TypedFrom[sumRequest, int](set.Endpoint("Sum", func(n muxtransport.Node) *muxtransport.Client {
		return muxtransport.NewClient(pool, n, native.Protocol{}, "Sum", muxtransport.EncodeJSON, muxtransport.DecodeJSON[int])
	}))
	return sum(ctx, sumRequest{A: 40, B: 2})
}
