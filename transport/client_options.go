package transport

import (
	"time"

	"github.com/muxkit/muxkit/muxpool"
)

// ClientOption sets an optional parameter for clients.
type ClientOption func(*Client)

// ClientBefore adds functions that run on the encoded request before it is sent,
// in the order given. The context that they return is that of the call.
func ClientBefore(before ...RequestFunc) ClientOption {
	return func(c *Client) { c.before = append(c.before, before...) }
}

// ClientAfter adds functions that run on an answer before it is decoded, in the
// order given.
func ClientAfter(after ...ClientResponseFunc) ClientOption {
	return func(c *Client) { c.after = append(c.after, after...) }
}

// ClientFinalizer adds functions that run at the end of every call, in the order
// given: also when a step failed or panicked.
func ClientFinalizer(f ...ClientFinalizerFunc) ClientOption {
	return func(c *Client) { c.finalizer = append(c.finalizer, f...) }
}

// ClientTimeout bounds every call, from the start of the endpoint to the arrival
// of the answer. It costs less than a context.WithTimeout per call; the context's
// own deadline is honoured as well. The shorter of both travels to the server
// where the protocol can carry it. Default 0: no bound but the context's.
func ClientTimeout(d time.Duration) ClientOption {
	return func(c *Client) { c.timeout = d }
}

// ClientOneWay makes calls that no answer comes to: the endpoint returns nil
// when the request was handed to the kernel. The decode function and the
// ClientAfter functions are not used. The protocol must be a OneWayer.
func ClientOneWay() ClientOption {
	return func(c *Client) { c.oneWay = true }
}

// ClientGetOptions changes the options with which connections are taken from the
// pool: TLS and the local address. All others are the client's own: what set says of
// them does not count.
func ClientGetOptions(set func(*muxpool.GetOptions)) ClientOption {
	return func(c *Client) {
		if set == nil {
			c.reject("ClientGetOptions(nil)")
			return
		}
		set(&c.opts)
	}
}
