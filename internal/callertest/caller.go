// Package callertest is our side of calls to somebody else's server, in tests: a [Caller] sends a text to a method and gets
// one back, whatever the protocol makes of it. It is for tests only.
package callertest

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/internal/peertest"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
)

// Protocol says how calls of texts are made.
type Protocol struct {
	transport.Protocol
	Prefix string                       // what all methods begin with
	Encode transport.EncodeRequestFunc  // nil: the text is the body
	Decode transport.DecodeResponseFunc // likewise
}

func encodeText(_ context.Context, m *transport.Message, text any) error {
	m.Body = []byte(text.(string))
	return nil
}

func decodeText(_ context.Context, m *transport.Message) (any, error) {
	defer m.ReleaseBody()
	return string(m.Body), nil
}

// Caller calls one server. It is safe for concurrent use.
type Caller struct {
	T        testing.TB
	Pool     *muxpool.Multiplexed
	Node     transport.Node
	Protocol Protocol
}

// New makes a Caller with a pool of its own, until the test ends.
func New(t testing.TB, address string, p Protocol, options ...muxpool.PoolOption) *Caller {
	t.Helper()
	pool, err := muxpool.New(options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := pool.Close(); err != nil {
			t.Error(err)
		}
		bounded.Receive(t, pool.Done())
	})
	if p.Encode == nil {
		p.Encode = encodeText
	}
	if p.Decode == nil {
		p.Decode = decodeText
	}
	return &Caller{t, pool, transport.Node{Network: "tcp", Address: address}, p}
}

// Client is one for a method.
func (c *Caller) Client(method string, options ...transport.ClientOption) *transport.Client {
	p := c.Protocol
	return transport.NewClient(c.Pool, c.Node, p.Protocol, p.Prefix+method, p.Encode, p.Decode, options...)
}

// Call makes a call; without a deadline, unless the options set one.
func (c *Caller) Call(method, text string, options ...transport.ClientOption) (string, error) {
	return c.CallWith(context.Background(), method, text, options...)
}

// CallWith makes a call.
func (c *Caller) CallWith(ctx context.Context, method, text string, options ...transport.ClientOption) (string, error) {
	response, err := c.Client(method, options...).Endpoint()(ctx, text)
	answer, _ := response.(string)
	return answer, err
}

// Patient makes a call that may take as long as any.
func (c *Caller) Patient(method, text string, options ...transport.ClientOption) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), peertest.Patience)
	defer cancel()
	return c.CallWith(ctx, method, text, options...)
}

// Must makes a call that is answered with its text.
func (c *Caller) Must(method, text string, options ...transport.ClientOption) {
	c.T.Helper()
	if got, err := c.Call(method, text, options...); got != text || err != nil {
		c.T.Fatalf("%s(%q) gives %q, %v", method, text, got, err)
	}
}

// Refused makes a call that fails with an *Error.
func (c *Caller) Refused(method, text string, options ...transport.ClientOption) *transport.Error {
	c.T.Helper()
	got, err := c.Call(method, text, options...)
	var e *transport.Error
	if !errors.As(err, &e) {
		c.T.Fatalf("%s(%q) gives %q, %v", method, text, got, err)
	}
	return e
}

// Describe calls Describe, whose answer is JSON.
func (c *Caller) Describe(into any, options ...transport.ClientOption) {
	c.T.Helper()
	got, err := c.Call("Describe", "", options...)
	if err = errors.Join(err, json.Unmarshal([]byte(got), into)); err != nil {
		c.T.Fatal(err)
	}
}

// Holds shows that answers come in any order: a call of Hold waits for its Release while others are answered, all on one connection.
func (c *Caller) Holds() {
	c.T.Helper()
	key, held := peertest.Nonce(), make(chan error, 1)
	go func() {
		got, err := c.Call("Hold", key)
		if err == nil && got != key {
			err = errors.New("the answer is " + got)
		}
		held <- err
	}()
	c.Must("Arrived", key) // the slow call is with the server; what follows was sent after it
	for range 10 {
		c.Must("Echo", peertest.Nonce())
	}
	select {
	case err := <-held:
		c.T.Fatal("the slow call was answered before it was released: ", err)
	default:
	}
	c.Must("Release", key)
	if err := bounded.Receive(c.T, held); err != nil {
		c.T.Error(err)
	}
	c.DialedOnce()
}

// DialedOnce checks that all was on one connection.
func (c *Caller) DialedOnce() {
	c.T.Helper()
	if n := c.Pool.Stats().Dials; n != 1 {
		c.T.Errorf("%d dials", n)
	}
}

// NothingUnasked checks that no answer came that nobody waited for.
func (c *Caller) NothingUnasked() {
	c.T.Helper()
	if k := c.Pool.Stats().Counters; k.Unknown+k.Late+k.Duplicate+k.Unsolicited != 0 {
		c.T.Errorf("answers that nobody asked for: %+v", k)
	}
}

// Frames gives a MuxConn for frames that are made by hand.
func (c *Caller) Frames() muxpool.MuxConn {
	c.T.Helper()
	opts := muxpool.NewGetOptions()
	opts.WithFrameParser(c.Protocol.Protocol)
	opts.WithTimeout(peertest.Patience)
	mc, err := c.Pool.GetMuxConn(context.Background(), c.Node.Network, c.Node.Address, opts)
	if err != nil {
		c.T.Fatal(err)
	}
	c.T.Cleanup(mc.Close)
	return mc
}
