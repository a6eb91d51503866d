package endpoint_test

import (
	"context"
	"fmt"
	"io"

	"github.com/go-kit/kit/endpoint"

	muxendpoint "github.com/muxkit/muxkit/endpoint"
)

// thousand are the nodes of a large service, in two zones.
func thousand() (all muxendpoint.FixedInstances) {
	for i := range 1000 {
		in := muxendpoint.Instance{Address: fmt.Sprintf("10.0.%d.%d:8080", i/250, i%250), Zone: "north"}
		if i%2 == 1 {
			in.Zone = "south"
		}
		all = append(all, in)
	}
	return all
}

// The client is the third of those that follow the service: a replica's ordinal.
func ExampleWithSubset() {
	const ordinal = 2
	set := muxendpoint.NewSet(thousand(), nil, muxendpoint.WithSubset(20, ordinal))
	defer set.Close()
	fmt.Println(len(set.Nodes()), "of", set.Stats().Named, "nodes")
	// Output:
	// 20 of 1000 nodes
}

// Clients that have no numbers have names.
func ExampleWithHashedSubset() {
	held := func(id string) int {
		set := muxendpoint.NewSet(thousand(), nil, muxendpoint.WithHashedSubset(50, id))
		defer set.Close()
		return len(set.Nodes())
	}
	fmt.Println(held("checkout-7d9f-x2x4k"), held("checkout-7d9f-8sj2p"))
	// Output:
	// 50 50
}

// Calls stay in the own zone, as long as enough of it is well.
func ExampleWithZone() {
	set := muxendpoint.NewSet(muxendpoint.FixedInstances{
		{Address: "10.0.0.1:8080", Zone: "north"},
		{Address: "10.0.0.2:8080", Zone: "north"},
		{Address: "10.0.1.1:8080", Zone: "south"},
	}, nil, muxendpoint.WithZone("north"))
	defer set.Close()
	where := set.EndpointFrom("Where", func(address string) (endpoint.Endpoint, io.Closer, error) {
		return func(context.Context, any) (any, error) { return address, nil }, nil, nil
	})
	calls := func() (north int) {
		for range 1000 {
			if answer, err := where(context.Background(), nil); err == nil && answer != "tcp://10.0.1.1:8080" {
				north++
			}
		}
		return north
	}
	fmt.Println(calls(), "of 1000 calls stay")
	set.Drain(set.Nodes()[0].Node, nil) // half of the zone is left: seven tenths of the calls
	left := calls()
	fmt.Println(left > 600 && left < 800, set.Stats().Methods[0].InZone > 0.69)
	// Output:
	// 1000 of 1000 calls stay
	// true true
}
