package endpoint

import (
	"io"

	"github.com/go-kit/kit/endpoint"
	"github.com/go-kit/kit/sd"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
)

// Factory makes endpoints for go-kit's own sd.NewEndpointer: of the Client that
// client makes for each node, within its breaker. Their closers let calls in
// flight end, then close the Client, if it can be closed, and let the breaker go;
// a call after that fails with a RemovedError.
//
// It takes WithBreakers, WithNodeParser and WithNodeMiddleware; an invalid option
// is the error for every instance.
func Factory(client func(n transport.Node) *transport.Client, opts ...Option) sd.Factory {
	cfg := newConfig(opts)
	if client == nil {
		cfg.refuse("Factory(nil)")
	}
	return func(instance string) (endpoint.Endpoint, io.Closer, error) {
		e, err := cfg.nodeEndpoint(instance, ofClient(client))
		if err != nil {
			return nil, nil, err
		}
		return e.Call, closer(e.member.calls.shut), nil
	}
}

// nodeEndpoint makes a node of an instance, with what is to be done when it was
// dropped and its last call has returned.
func (c *config) nodeEndpoint(instance string, build builder) (*NodeEndpoint, error) {
	if err := c.err(); err != nil {
		return nil, err
	}
	node, err := c.parseNode(instance)
	if err != nil {
		return nil, err
	}
	ep, client, err := c.build("", node, build)
	if err != nil {
		return nil, err
	}
	m := &member{node: node}
	release := func() {}
	if c.breakers != nil {
		release = c.breakers.Hold(node)
	}
	m.calls.empty = func() {
		if client != nil {
			client.Close()
		}
		release()
	}
	return &NodeEndpoint{member: m, call: ep}, nil
}

// closer is a function that is an io.Closer.
type closer func()

func (c closer) Close() error {
	c()
	return nil
}

// ofFactory builds with a go-kit factory, which gets the node's text.
func ofFactory(f sd.Factory) builder {
	return func(node muxpool.Node) (endpoint.Endpoint, io.Closer, error) { return f(node.String()) }
}
