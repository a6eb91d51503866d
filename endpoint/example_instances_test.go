package endpoint_test

import (
	"fmt"

	muxendpoint "github.com/muxkit/muxkit/endpoint"
)

// Discovery that tells weights: here a list that does not change.
func ExampleFixedInstances() {
	set := muxendpoint.NewSet(muxendpoint.FixedInstances{
		{Address: "10.0.0.1:8080", Weight: 200, Zone: "north"}, // gets twice the calls of the other
		{Address: "10.0.1.1:8080", Weight: 100, Zone: "south"},
	}, nil)
	defer set.Close()
	for _, n := range set.Nodes() {
		fmt.Println(n.Node, n.Instance.Weight, n.Instance.Zone)
	}
	// Output:
	// tcp://10.0.0.1:8080 200 north
	// tcp://10.0.1.1:8080 100 south
}
