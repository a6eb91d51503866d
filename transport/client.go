package transport

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-kit/kit/endpoint"

	"github.com/muxkit/muxkit/muxpool"
)

// Client calls one method of one node and is an endpoint. It is safe for
// concurrent use, and so is its endpoint.
type Client struct {
	pool      muxpool.Pool
	node      Node
	protocol  Protocol
	method    string
	enc       EncodeRequestFunc
	dec       DecodeResponseFunc
	opts      muxpool.GetOptions
	asks      muxpool.GetOptions // opts of calls that are answered
	timeout   time.Duration
	bulk      *bulk
	oneWay    bool
	before    []RequestFunc
	after     []ClientResponseFunc
	finalizer []ClientFinalizerFunc
	leaver    leaver
	sessions  bool                    // the protocol's handshake learns what its messages need
	kinds     muxpool.FrameClassifier // nil if every frame is a last one
	plain     bool                    // nobody sees the call's context: no hooks, and codecs that do not look
	invalid   []error
}

// NewClient returns a Client that calls method on node, over pool's connections,
// in protocol. An argument or option that makes no sense is told by Err and by
// every call.
func NewClient(pool muxpool.Pool, node Node, protocol Protocol, method string,
	enc EncodeRequestFunc, dec DecodeResponseFunc, options ...ClientOption) *Client {
	c := &Client{pool: pool, node: node, protocol: protocol, method: method, enc: enc, dec: dec,
		opts: muxpool.NewGetOptions(), bulk: new(bulk)}
	for _, option := range options {
		if option == nil {
			c.reject("a nil ClientOption")
			continue
		}
		option(c)
	}
	c.check()
	c.opts.WithFrameParser(protocol)
	c.opts = c.opts.Identity().GetOptions()
	if c.asks = c.opts; c.oneWay {
		c.opts.WithOneWay()
	}
	c.plain = len(c.before)+len(c.after)+len(c.finalizer) == 0 && ignoresContext(enc) && (c.oneWay || ignoresContext(dec))
	c.leaver = newLeaver(protocol)
	_, c.sessions = protocol.(muxpool.SessionHandshaker)
	c.kinds, _ = protocol.(muxpool.FrameClassifier)
	return c
}

// reject notes what makes no sense.
func (c *Client) reject(format string, args ...any) {
	c.invalid = append(c.invalid, fmt.Errorf("%w: NewClient: "+format, append([]any{ErrInvalidOption}, args...)...))
}

// check finds what makes no sense.
func (c *Client) check() {
	reject := func(bad bool, format string, args ...any) {
		if bad {
			c.reject(format, args...)
		}
	}
	reject(hasNil(c.before), "a nil function for ClientBefore")
	reject(hasNil(c.after), "a nil function for ClientAfter")
	reject(hasNil(c.finalizer), "a nil function for ClientFinalizer")
	c.finalizer = slices.DeleteFunc(c.finalizer, func(f ClientFinalizerFunc) bool { return f == nil }) // the others run also then
	reject(c.pool == nil, "the pool is nil")
	reject(c.protocol == nil, "the protocol is nil")
	reject(c.enc == nil, "the encode function is nil")
	reject(c.dec == nil && !c.oneWay, "the decode function is nil")
	reject(c.node.Address == "", "the node %s has no address", c.node)
	reject(c.timeout < 0, "ClientTimeout(%v) is negative", c.timeout)
	if c.oneWay && c.protocol != nil {
		_, ok := c.protocol.(OneWayer)
		reject(!ok, "ClientOneWay: the protocol %T has no one-way calls", c.protocol)
	}
}

// Err returns what is wrong with the arguments and options of NewClient, or nil.
// It wraps ErrInvalidOption.
func (c *Client) Err() error { return errors.Join(c.invalid...) }

// Identity returns whose connections the Client uses: its protocol, TLS settings and
// local address.
func (c *Client) Identity() muxpool.Identity { return c.opts.Identity() }

// Method returns the method that was given to NewClient.
func (c *Client) Method() string { return c.method }

// IgnoresContext reports whether nothing of the user's sees the contexts of the calls: there
// are no hooks, the codecs are of this package and do not look, and the pool is a Multiplexed.
// Who wraps the endpoint may then spare itself a context of its own that only tells something.
func (c *Client) IgnoresContext() bool {
	_, ours := c.pool.(*muxpool.Multiplexed)
	return c.plain && ours
}

// OneWay reports whether no answers come to its calls (see ClientOneWay).
func (c *Client) OneWay() bool { return c.oneWay }

// Close has the pool let the node's connections go, if it can, as Multiplexed does with
// Drop: calls in flight end normally, later ones dial anew. Who makes Clients for the nodes
// that discovery names closes them when it drops the node, once its calls have returned. It
// returns nil.
func (c *Client) Close() error {
	if pool, ok := c.pool.(interface{ Drop(muxpool.Node) }); ok {
		pool.Drop(c.node)
	}
	return nil
}

// Endpoint returns the endpoint that makes the call:
// encode -> Before -> send -> After -> decode -> Finalizer.
//
// Every error is, or wraps, an *Error, except where a context's cause or a hook's
// panic passes by. A business error (CodeBusiness) whose body decodes to an
// endpoint.Failer that has failed is no error but that response, as go-kit
// wants it; any other is returned as an *Error.
func (c *Client) Endpoint() endpoint.Endpoint { return c.call }
