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
// a call after that fails with a RemovedError. For the breakers it is the Client's method: those of
// several Factories with the breakers of one Group are told apart on their nodes.
//
// It takes WithBreakers, WithService, WithNodeParser, WithJudging and
// WithNodeMiddleware; an invalid option
// is the error for every instance.
func Factory(client func(n transport.Node) *transport.Client, opts ...Option) sd.Factory {
	cfg := newConfig(opts).byHand("Factory")
	if client == nil {
		cfg.reject("Factory(nil)")
	}
	cfg.bind("")
	return func(instance string) (endpoint.Endpoint, io.Closer, error) {
		e, err := cfg.nodeEndpoint(instance, ofClient(client))
		if err != nil {
			return nil, nil, err
		}
		return e.Call, release(e.member.calls.shut), nil
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
	m := newMember(node)
	e, client, err := c.build("", m, build)
	if err != nil {
		closeAnyway(client)
		return nil, err
	}
	release := c.hold(node)
	m.calls.empty = func() {
		defer release()
		closeAnyway(client)
	}
	return e, nil
}

// closeAnyway closes what may be nil, or panic: whoever is here has nothing to do with it.
func closeAnyway(c io.Closer) {
	defer func() { _ = recover() }()
	if c != nil {
		c.Close()
	}
}

// release is a function that is an io.Closer.
type release func()

func (f release) Close() error {
	f()
	return nil
}

// ofFactory builds with a go-kit factory, which gets the node's text.
func ofFactory(f sd.Factory) builder {
	return func(node muxpool.Node) (built, error) {
		ep, closer, err := f(node.String())
		return built{Endpoint: ep, closer: closer}, err
	}
}
