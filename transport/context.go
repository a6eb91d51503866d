package transport

import (
	"context"
	"net"
)

type contextKey int

// The keys of what this package puts into contexts. On a client, Node and Method
// are there for every hook and codec; the others from the ClientAfter functions on,
// and for finalizers as far as the call came. On a server, all but Node, Attempt
// and ResponseBytes are there for every hook, codec and endpoint; ResponseBytes is
// for finalizers.
const (
	// ContextKeyNode: the Node called.
	ContextKeyNode contextKey = iota
	// ContextKeyMethod: the method, a string.
	ContextKeyMethod
	// ContextKeyAttempt: which attempt at the call this is, an int from 1. Whoever
	// retries sets it (context.WithValue); without a retry it is absent.
	ContextKeyAttempt
	// ContextKeyRequestBytes: the size of the request's frame, an int.
	ContextKeyRequestBytes
	// ContextKeyResponseBytes: the size of the answer's frame, an int. Absent if
	// there is none.
	ContextKeyResponseBytes
	// ContextKeyLocalAddr: this side's address of the connection, a net.Addr.
	ContextKeyLocalAddr
	// ContextKeyRemoteAddr: the peer's address, a net.Addr.
	ContextKeyRemoteAddr
	// ContextKeyTLS: on a server, the *tls.ConnectionState of a TLS connection;
	// its VerifiedChains hold the client's identity under mTLS. PeerOf has all that is
	// known of the client.
	ContextKeyTLS
	// ContextKeyMetadata: on a client, a Metadata that its requests carry beside what
	// codec and hooks put into them, and over it; nobody may change it any more. It is for
	// who stands around an endpoint (context.WithValue), such as the span of an attempt.
	ContextKeyMetadata

	contextKeyCallerAttempt // see CallerAttempt
	contextKeyCall          // the call's *requestContext
	contextKeyConn          // its connection's *connContext
)

// callContext is the context of a client's encode function and its Before
// functions. It is part of the call's one allocation, and does not change once it
// was handed out.
type callContext struct {
	context.Context
	client *Client
}

func (c *callContext) Value(key any) any {
	switch key {
	case ContextKeyNode:
		return c.client.node
	case ContextKeyMethod:
		return c.client.method
	}
	return c.Context.Value(key)
}

// sentContext is the context of what comes after the request was sent.
type sentContext struct {
	context.Context
	local, remote     net.Addr
	request, response int
}

func (c *sentContext) Value(key any) any {
	switch key {
	case ContextKeyLocalAddr:
		if c.local != nil {
			return c.local
		}
	case ContextKeyRemoteAddr:
		if c.remote != nil {
			return c.remote
		}
	case ContextKeyRequestBytes:
		if c.request > 0 {
			return c.request
		}
	case ContextKeyResponseBytes:
		if c.response > 0 {
			return c.response
		}
	}
	return c.Context.Value(key)
}
