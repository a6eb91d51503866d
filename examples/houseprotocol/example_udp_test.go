package houseprotocol_test

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/muxkit/muxkit/examples/houseprotocol"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
)

// The same plug-in over UDP: a frame is a datagram, and nothing else changes. What gets
// lost is not sent again: give calls a time-out.
func Example_udp() {
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	s := transport.NewService(houseprotocol.Protocol{})
	s.Handle("Echo", transport.NewServer(func(_ context.Context, r any) (any, error) { return r, nil },
		transport.DecodeJSON[string], transport.EncodeJSON))
	ended := make(chan error, 1)
	go func() { ended <- s.ServePacket(pc) }()
	defer func() { s.Close(); <-ended }()

	pool, err := muxpool.New()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer pool.Close()
	node := transport.Node{Network: "udp", Address: pc.LocalAddr().String()}
	echo := transport.NewClient(pool, node, houseprotocol.Protocol{}, "Echo", transport.EncodeJSON, transport.DecodeJSON[string],
		transport.ClientTimeout(10*time.Second)).Endpoint()
	answer, err := echo(context.Background(), "hello")
	fmt.Println(answer, err)
	// Output: hello <nil>
}
