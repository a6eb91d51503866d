package thriftbody_test

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/go-kit/kit/endpoint"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/ttheader"
	"github.com/muxkit/muxkit/transport/ttheader/thriftbody"
)

// newClient puts a client that Thrift's compiler generated on a pool; it may be shared.
func newClient(pool muxpool.Pool, address string) *PriceServiceClient {
	node := transport.Node{Network: "tcp", Address: address}
	protocol := ttheader.Protocol{Form: ttheader.FormFramed}
	return NewPriceServiceClient(thriftbody.NewClient(func(method string, options ...transport.ClientOption) endpoint.Endpoint {
		return transport.NewClient(pool, node, protocol, method, thriftbody.Encode, transport.DecodeBytes, options...).Endpoint()
	}))
}

// newService serves a processor that Thrift's compiler generated.
func newService(handler PriceService) *transport.Service {
	service := transport.NewService(ttheader.Protocol{OneWayMethods: "Note"})
	thriftbody.Handle(service, NewPriceServiceProcessor(handler))
	return service
}

type prices map[string]int64

func (p prices) Get(_ context.Context, item string) (int64, error) {
	if cents, ok := p[item]; ok {
		return cents, nil
	}
	return 0, fmt.Errorf("we have no %s", item)
}

func (p prices) Note(context.Context, string) error { return nil }

func Example() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	service := newService(prices{"tea": 320})
	served := make(chan error, 1)
	go func() { served <- service.Serve(listener) }()
	pool, err := muxpool.New()
	if err != nil {
		fmt.Println(err)
		return
	}
	client := newClient(pool, listener.Addr().String())
	fmt.Println(client.Get(context.Background(), "tea"))
	_, err = client.Get(context.Background(), "coffee")
	if failed := (*transport.Error)(nil); errors.As(err, &failed) {
		fmt.Println(failed.Code, failed.Status, failed.Message)
	}
	fmt.Println(client.Note(context.Background(), "tea"))
	pool.Close()
	<-pool.Done()
	service.Close()
	<-served
	// Output:
	// 320 <nil>
	// internal 6 Internal error processing Get: we have no coffee
	// <nil>
}
