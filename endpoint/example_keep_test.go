package endpoint_test

import (
	"context"
	"fmt"
	"io"

	"github.com/go-kit/kit/endpoint"
	"github.com/go-kit/kit/sd"

	muxendpoint "github.com/muxkit/muxkit/endpoint"
)

// polled is an Instancer that looks when it is asked to, and else not often enough.
type polled struct {
	events chan<- sd.Event
	looked chan struct{}
}

func (p *polled) Register(events chan<- sd.Event) {
	p.events = events
	events <- sd.Event{} // nothing, so far
}

func (p *polled) Deregister(chan<- sd.Event) {}

func (p *polled) Stop() {}

// Refresh makes it a Refresher. It must not be slow.
func (p *polled) Refresh() {
	p.events <- sd.Event{Instances: []string{"10.0.0.1:80"}}
	close(p.looked)
}

// A Set that has no node asks its discovery to look, and keeps what it found when discovery
// loses sight of it.
func ExampleRefresher() {
	discovery := &polled{looked: make(chan struct{})}
	set := muxendpoint.NewSet(discovery, nil, muxendpoint.WithoutWait())
	defer set.Close()
	hello := set.EndpointFrom("Hello", func(address string) (endpoint.Endpoint, io.Closer, error) {
		return func(context.Context, any) (any, error) { return "hello from " + address, nil }, nil, nil
	})
	_, err := hello(context.Background(), nil)
	fmt.Println(err)

	<-discovery.looked
	discovery.events <- sd.Event{} // a moment without nodes, or a minute
	for {
		if answer, err := hello(context.Background(), nil); err == nil {
			fmt.Println(answer)
			break
		}
	}
	fmt.Println(len(set.Nodes()), "node")

	// Output:
	// muxendpoint: Hello: no usable node (nobody, not sent)
	// hello from tcp://10.0.0.1:80
	// 1 node
}
