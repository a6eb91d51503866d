package endpoint

import (
	"cmp"
	"context"
	"fmt"
	"io"

	"github.com/go-kit/kit/endpoint"

	"github.com/muxkit/muxkit/breaker"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
)

// builder makes the endpoint of one method on a node.
type builder func(node muxpool.Node) (built, error)

// built is what a builder makes.
type built struct {
	endpoint.Endpoint
	method   string                      // that it calls; empty if that is not known
	closer   io.Closer                   // nil: nothing is to be closed
	identity muxpool.Identity            // whose connections it uses; zero if that is not known
	probe    func(context.Context) error // tries those, for a breaker; nil: nothing can
	oneWay   bool
	unseen   bool // nothing of the user's sees the contexts of its calls
}

// ofClient builds with a user's function that makes Clients.
func ofClient(client func(transport.Node) *transport.Client) builder {
	return func(node muxpool.Node) (built, error) {
		c := client(node)
		if c == nil {
			return built{}, fmt.Errorf("%w: the client is nil", ErrInvalidOption)
		}
		return built{c.Endpoint(), c.Method(), clientCloser{c}, c.Identity(), probing(c), c.OneWay(), c.IgnoresContext()}, nil
	}
}

// probing is a Client's probe in the breaker's words.
func probing(c *transport.Client) func(context.Context) error {
	return func(ctx context.Context) error {
		answered, err := c.Probe(ctx)
		if err == nil && !answered {
			return breaker.ErrConnectOnly
		}
		return err
	}
}

// clientCloser closes a Client: the node's connections are let go.
type clientCloser struct{ *transport.Client }

// build makes the chain of a method on a node, from the outside in: middlewares, breaker,
// endpoint; with what is to be closed, or nil, also of one that fails afterwards. It calls
// functions of the user's, which may fail and panic.
func (c *config) build(method string, m *member, make builder) (e *NodeEndpoint, closer io.Closer, err error) {
	defer func() {
		if v := recover(); v != nil {
			e, err = nil, fmt.Errorf("making the endpoint of %s: %w", m.node, newPanicError(v))
		}
	}()
	made, err := make(m.node)
	if err != nil {
		return nil, nil, fmt.Errorf("making the endpoint of %s: %w", m.node, err)
	}
	closer = made.closer
	if made.Endpoint == nil {
		return nil, closer, fmt.Errorf("%w: the endpoint of %s is nil", ErrInvalidOption, m.node)
	}
	e = &NodeEndpoint{member: m, call: c.judged(made.Endpoint), unseen: made.unseen && len(c.perNode) == 0}
	if c.scope != nil {
		e.scope = c.scope
		e.guard = c.scope.Guard(breaker.Target{Node: m.node, Method: cmp.Or(method, made.method), Identity: made.identity, OneWay: made.oneWay || c.kind == OneWay})
		if g, real := e.guard.(*breaker.Guard); real && made.probe != nil {
			g.ProbeWith(made.probe)
		}
		e.call = e.guard.Middleware()(e.call)
	}
	if len(c.perNode) > 0 {
		e.call = reaching(e.call)
	}
	for i := len(c.perNode) - 1; i >= 0; i-- {
		e.call = c.perNode[i](method, m.node)(e.call)
		if e.call == nil {
			return nil, closer, fmt.Errorf("%w: a middleware of WithNodeMiddleware makes no endpoint of that of %s", ErrInvalidOption, m.node)
		}
	}
	return e, closer, nil
}

// hold says to the breakers that the node is in use until release is called.
func (c *config) hold(node muxpool.Node) (release func()) {
	if c.scope == nil {
		return func() {}
	}
	return c.scope.Hold(node)
}

// wrap puts the middlewares of the logical call around ep.
func (c *config) wrap(method string, ep endpoint.Endpoint) (wrapped endpoint.Endpoint) {
	defer func() {
		if v := recover(); v != nil {
			wrapped = failing(fmt.Errorf("%w: WithMiddleware for method %s: %w", ErrInvalidOption, quote(method, maxText), newPanicError(v)))
		}
	}()
	for i := len(c.outer) - 1; i >= 0; i-- {
		mw := c.outer[i](method)
		if mw == nil {
			return failing(invalid("WithMiddleware made no middleware for method %s", quote(method, maxText)))
		}
		if ep = mw(ep); ep == nil {
			return failing(invalid("a middleware of WithMiddleware makes no endpoint of that of method %s", quote(method, maxText)))
		}
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
	if c.parse == nil {
		return ParseNode(instance)
	}
	if node, err = c.parse(instance); err == nil && node == (muxpool.Node{}) {
		err = fmt.Errorf("%w %s: WithNodeParser's function makes nothing of it", ErrInstance, quote(instance, maxText))
	}
	return node, err
}
