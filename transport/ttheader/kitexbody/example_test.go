package kitexbody_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/go-kit/kit/endpoint"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/ttheader"
	"github.com/muxkit/muxkit/transport/ttheader/kitexbody"
)

// newGet is a client of one method, in the place of Kitex's with WithMuxConnection.
func newGet(pool muxpool.Pool, address string) endpoint.Endpoint {
	protocol := ttheader.Protocol{Caller: "shop.cart", Callee: "shop.price", Service: "PriceService"}
	return transport.NewClient(pool, transport.Node{Network: "tcp", Address: address}, protocol, "Get",
		kitexbody.Encode, kitexbody.Decode[PriceServiceGetResult],
		transport.ClientTimeout(time.Second)).Endpoint()
}

// price asks for a price.
func price(ctx context.Context, get endpoint.Endpoint, item string) (int64, error) {
	answer, err := get(ctx, &PriceServiceGetArgs{Item: item})
	if err != nil {
		return 0, err
	}
	return *answer.(*PriceServiceGetResult).Success, nil
}

// newService serves the same method to Kitex's clients, with its mux and without.
func newService(prices map[string]int64) *transport.Service {
	get := func(_ context.Context, request any) (any, error) {
		cents, ok := prices[request.(*PriceServiceGetArgs).Item]
		if !ok {
			return nil, transport.Business(40401, "we have no such thing") // a BizStatusError to Kitex
		}
		return &PriceServiceGetResult{Success: &cents}, nil
	}
	service := transport.NewService(ttheader.Protocol{})
	service.Handle("Get", transport.NewServer(get, kitexbody.Decode[PriceServiceGetArgs], kitexbody.Encode))
	return service
}

func Example() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	service := newService(map[string]int64{"tea": 320})
	served := make(chan error, 1)
	go func() { served <- service.Serve(listener) }()
	pool, err := muxpool.New()
	if err != nil {
		fmt.Println(err)
		return
	}
	get := newGet(pool, listener.Addr().String())
	fmt.Println(price(context.Background(), get, "tea"))
	_, err = price(context.Background(), get, "coffee")
	if refused := (*transport.Error)(nil); errors.As(err, &refused) {
		fmt.Println(refused.Code, refused.Status, refused.Message)
	}
	pool.Close()
	<-pool.Done()
	service.Close()
	<-served
	// Output:
	// 320 <nil>
	// business 40401 we have no such thing
}
