package interop

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/trpc"
)

// patience bounds waits that a correct run never sees the end of.
const patience = 30 * time.Second

// ours is the protocol as the tests use it.
var ours = trpc.Protocol{Caller: "trpc.muxkit.caller.Caller", ContentType: trpc.ContentNoop}

func nonce() string { return rand.Text() }

// caller is our side of calls to the real server.
type caller struct {
	t    *testing.T
	pool *muxpool.Multiplexed
	node transport.Node
}

// newCaller starts a real server and a pool.
func newCaller(t *testing.T, args []string, options ...muxpool.PoolOption) *caller {
	t.Helper()
	pool, err := muxpool.New(options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := pool.Close(); err != nil {
			t.Error(err)
		}
	})
	_, address := startServer(t, args...)
	return &caller{t, pool, transport.Node{Network: "tcp", Address: address}}
}

// startServer starts a real server; it returns its address.
func startServer(t *testing.T, args ...string) (*process, string) {
	t.Helper()
	p := start(t, append([]string{"-server"}, args...)...)
	address, err := bufio.NewReader(p.out).ReadString('\n')
	if err != nil {
		t.Fatal("the real server does not tell its address: ", err)
	}
	return p, strings.TrimSpace(address)
}

func (c *caller) client(method string, options ...transport.ClientOption) *transport.Client {
	return transport.NewClient(c.pool, c.node, ours, Service+method, transport.EncodeBytes, transport.DecodeBytes, options...)
}

// call makes a call; without a deadline, unless the options set one.
func (c *caller) call(method, body string, options ...transport.ClientOption) (string, error) {
	return c.callWith(context.Background(), method, body, options...)
}

func (c *caller) callWith(ctx context.Context, method, body string, options ...transport.ClientOption) (string, error) {
	response, err := c.client(method, options...).Endpoint()(ctx, []byte(body))
	b, _ := response.([]byte)
	return string(b), err
}

// must is call for calls that succeed and answer with their body.
func (c *caller) must(method, body string, options ...transport.ClientOption) {
	c.t.Helper()
	if got, err := c.call(method, body, options...); got != body || err != nil {
		c.t.Fatalf("%s(%q) gives %q, %v", method, body, got, err)
	}
}

// refused is call for calls that fail with an *Error.
func (c *caller) refused(method, body string, options ...transport.ClientOption) *transport.Error {
	c.t.Helper()
	got, err := c.call(method, body, options...)
	var e *transport.Error
	if !errors.As(err, &e) {
		c.t.Fatalf("%s(%q) gives %q, %v", method, body, got, err)
	}
	return e
}

// describe is what the real server saw of a call.
func (c *caller) describe(options ...transport.ClientOption) Seen {
	c.t.Helper()
	var s Seen
	got, err := c.call("Describe", "", options...)
	if err = errors.Join(err, json.Unmarshal([]byte(got), &s)); err != nil {
		c.t.Fatal(err)
	}
	return s
}

// frames gives a MuxConn for frames that are made by hand.
func (c *caller) frames() muxpool.MuxConn {
	c.t.Helper()
	opts := muxpool.NewGetOptions()
	opts.WithFrameParser(ours)
	opts.WithTimeout(patience)
	mc, err := c.pool.GetMuxConn(context.Background(), c.node.Network, c.node.Address, opts)
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(mc.Close)
	return mc
}

// bothTransports runs a test on both of trpc-go's own transports: tnet, which is its
// default, and the one on package net.
func bothTransports(t *testing.T, f func(t *testing.T, args []string)) {
	t.Run("tnet", func(t *testing.T) { f(t, nil) })
	t.Run("go-net", func(t *testing.T) { f(t, []string{"-go-net"}) })
}
