package trpc_test

import (
	"context"
	"fmt"
	"net"
	"strings"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/trpc"
)

type priceQuery struct{ Item string }

type price struct{ Cents int }

// A tRPC service made of a go-kit endpoint, and a call to it.
func Example() {
	getPrice := func(_ context.Context, request any) (any, error) {
		if item := request.(priceQuery).Item; item != "tea" {
			return nil, transport.Business(40401, "we have no "+item)
		}
		return price{Cents: 320}, nil
	}
	service := transport.NewService(trpc.Protocol{})
	service.Handle("/shop.Price/Get", transport.NewServer(getPrice, transport.DecodeJSON[priceQuery], transport.EncodeJSON))

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	go service.Serve(listener)
	defer service.Close()

	pool, err := muxpool.New()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer pool.Close()
	node := transport.Node{Network: "tcp", Address: listener.Addr().String()}
	protocol := trpc.Protocol{Caller: "trpc.shop.cart.Cart", ContentType: trpc.ContentJSON}
	get := transport.NewClient(pool, node, protocol, "/shop.Price/Get",
		transport.EncodeJSON, transport.DecodeJSON[price]).Endpoint()

	fmt.Println(get(context.Background(), priceQuery{"tea"}))
	_, err = get(context.Background(), priceQuery{"coffee"})
	fmt.Println(strings.Replace(err.Error(), node.Address, "10.0.0.1:8080", 1))
	// Output:
	// {320} <nil>
	// /shop.Price/Get on tcp://10.0.0.1:8080: business (status 40401; caller, ran): we have no coffee
}

// A hook of the client sends what a Message has no field for, and one of the server
// reads it.
func ExampleHead() {
	send := func(ctx context.Context, req *transport.Message) context.Context {
		req.Tag = &trpc.Head{Attachment: []byte("beside the body")}
		return ctx
	}
	receive := func(ctx context.Context, req *transport.Message) context.Context {
		head := req.Tag.(*trpc.Head)
		fmt.Printf("%s sends %q\n", head.Caller, head.Attachment)
		return ctx
	}

	req := &transport.Message{Method: "/shop.Price/Get"}
	send(context.Background(), req)
	frame, err := trpc.Protocol{Caller: "trpc.shop.cart.Cart"}.AppendRequest(nil, 1, req)
	if err != nil {
		fmt.Println(err)
		return
	}
	var arrived transport.Message
	if err := (trpc.Protocol{}).ParseRequest(frame, &arrived); err != nil {
		fmt.Println(err)
		return
	}
	receive(context.Background(), &arrived)
	// Output: trpc.shop.cart.Cart sends "beside the body"
}
