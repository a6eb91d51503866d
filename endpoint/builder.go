package endpoint

import (
	"fmt"
	"io"

	"github.com/go-kit/kit/endpoint"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
)

// builder makes the endpoint of one method on a node. The closer may be nil.
type builder func(node muxpool.Node) (endpoint.Endpoint, io.Closer, error)

// ofClient builds with a user's function that makes Clients.
func ofClient(client func(transport.Node) *transport.Client) builder {
	return func(node muxpool.Node) (endpoint.Endpoint, io.Closer, error) {
		c := client(node)
		if c == nil {
			return nil, nil, fmt.Errorf("%w: the client is nil", ErrInvalidOption)
		}
		closer, _ := any(c).(io.Closer)
		return c.Endpoint(), closer, nil
	}
}

// build makes the chain of a node, from the outside in: middlewares, breaker,
// endpoint. It calls functions of the user's, which may fail and panic.
func (c *config) build(method string, node muxpool.Node, b builder) (ep endpoint.Endpoint, closer io.Closer, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("making the endpoint of %s: %w", node, newPanicError(v))
		}
	}()
	ep, closer, err = b(node)
	if err != nil {
		return nil, nil, fmt.Errorf("making the endpoint of %s: %w", node, err)
	}
	if ep == nil {
		return nil, nil, fmt.Errorf("%w: the endpoint of %s is nil", ErrInvalidOption, node)
	}
	ep = c.judged(ep)
	if c.breakers != nil {
		ep = c.breakers.Middleware(node)(ep)
	}
	for i := len(c.perNode) - 1; i >= 0; i-- {
		ep = c.perNode[i](method, node)(ep)
	}
	return ep, closer, nil
}

// wrap puts the middlewares of the logical call around ep.
func (c *config) wrap(method string, ep endpoint.Endpoint) endpoint.Endpoint {
	for i := len(c.outer) - 1; i >= 0; i-- {
		mw := c.outer[i](method)
		if mw == nil {
			return failing(invalid("WithMiddleware made no middleware for method %s", quote(method, maxText)))
		}
		ep = mw(ep)
	}
	return ep
}

// parseNode is the configured parser, kept from panicking.
func (c *config) parseNode(instance string) (node muxpool.Node, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("%w %s: %w", ErrInstance, quote(instance, maxText), newPanicError(v))
		}
	}()
	return c.parse(instance)
}
