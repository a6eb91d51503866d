package protobuf_test

import (
	"context"
	"fmt"
	"log"
	"net"
	"testing"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
	"github.com/muxkit/muxkit/transport/protobuf"
)

func TestEncodeRefusesOtherValues(t *testing.T) {
	if err := protobuf.Encode(context.Background(), new(transport.Message), "text"); err == nil {
		t.Error("a string was encoded")
	}
}

func TestDecodeRefusesOtherBytes(t *testing.T) {
	m := &transport.Message{Body: []byte{0xff, 0xff}}
	if v, err := protobuf.Decode[*wrapperspb.StringValue](context.Background(), m); err == nil {
		t.Errorf("got %v", v)
	}
}

func Example() {
	greet := func(_ context.Context, request any) (any, error) {
		return wrapperspb.String("hello " + request.(*wrapperspb.StringValue).GetValue()), nil
	}
	service := transport.NewService(native.Protocol{})
	service.Handle("Greet", transport.NewServer(greet, protobuf.Decode[*wrapperspb.StringValue], protobuf.Encode))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- service.Serve(l) }()
	pool, err := muxpool.New()
	if err != nil {
		log.Fatal(err)
	}
	node := transport.Node{Network: "tcp", Address: l.Addr().String()}
	endpoint := transport.NewClient(pool, node, native.Protocol{}, "Greet",
		protobuf.Encode, protobuf.Decode[*wrapperspb.StringValue]).Endpoint()
	response, err := endpoint(context.Background(), wrapperspb.String("world"))
	fmt.Println(response.(*wrapperspb.StringValue).GetValue(), err)
	pool.Close()
	service.Close()
	<-done
	// Output: hello world <nil>
}
