package otelmux

import (
	"context"
	"maps"
	"net"
	"strconv"
	"time"

	"github.com/go-kit/kit/endpoint"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	muxendpoint "github.com/muxkit/muxkit/endpoint"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/verdict"
	muxtransport "github.com/muxkit/muxkit/transport"
)

// attempts makes the middleware around the attempts of a method on a node.
func (c *client) attempts(method string, node muxpool.Node) endpoint.Middleware {
	if !c.filter(method) {
		return func(next endpoint.Endpoint) endpoint.Endpoint { return next }
	}
	m := c.method(method)
	n := &nodeMethod{clientMethod: m, span: method + " attempt", peer: append(m.attributes, peerOf(node)...)}
	return func(next endpoint.Endpoint) endpoint.Endpoint {
		return func(ctx context.Context, request any) (any, error) { return n.call(ctx, request, next) }
	}
}

// peerOf are the attributes that name a node.
func peerOf(node muxpool.Node) []attribute.KeyValue {
	network, address := node.Network, node.Address
	attributes := []attribute.KeyValue{keyTransport.String(network)}
	switch network {
	case "tcp4", "tcp6", "udp4", "udp6":
		attributes[0] = keyTransport.String(network[:3])
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return append(attributes, keyPeerAddress.String(address))
	}
	attributes = append(attributes, keyPeerAddress.String(host))
	if n, err := strconv.Atoi(port); err == nil {
		attributes = append(attributes, keyPeerPort.Int(n))
	}
	return attributes
}

// nodeMethod is one method on one node.
type nodeMethod struct {
	*clientMethod
	span string // its name
	peer []attribute.KeyValue
}

// call makes one attempt.
func (n *nodeMethod) call(ctx context.Context, request any, next endpoint.Endpoint) (response any, err error) {
	begin := time.Now()
	a, _ := muxendpoint.AttemptFromContext(ctx)
	if t, ok := ctx.Value(tallyKey{}).(*tally); ok {
		t.begin(a)
		defer t.left()
	}
	n.started.Add(ctx, 1, n.set)
	ctx, span := n.tracer.Start(ctx, n.span, trace.WithAttributes(n.peer...),
		trace.WithAttributes(keyAttempt.Int(a.Number), keyHedge.Bool(a.Hedge)))
	code, why := verdict.CodeInternal, errPanicked // remain if next panics
	defer func() {
		n.attempts.record(ctx, begin, code)
		ofClient.mark(span, code, textOf(why))
		span.End()
	}()
	response, err = next(n.inject(ctx), request)
	code, why = verdict.Call(ctx, response, err).Code, err
	return response, err
}

// inject has the request of ctx carry the trace context, beside what it carries anyway.
func (n *nodeMethod) inject(ctx context.Context) context.Context {
	words := make(propagation.MapCarrier, 2)
	n.propagator.Inject(ctx, words)
	if len(words) == 0 {
		return ctx
	}
	md := muxtransport.Metadata(words)
	if was, ok := ctx.Value(muxtransport.ContextKeyMetadata).(muxtransport.Metadata); ok {
		md = maps.Clone(was)
		maps.Copy(md, words)
	}
	return context.WithValue(ctx, muxtransport.ContextKeyMetadata, md)
}
