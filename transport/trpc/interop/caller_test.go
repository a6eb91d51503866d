package interop

import (
	"testing"

	"github.com/muxkit/muxkit/internal/callertest"
	"github.com/muxkit/muxkit/internal/peertest"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/trpc"
)

// patience bounds waits that a correct run never sees the end of.
const patience = peertest.Patience

func nonce() string { return peertest.Nonce() }

// ours is the protocol as the tests use it.
var ours = trpc.Protocol{Caller: "trpc.muxkit.caller.Caller", ContentType: trpc.ContentNoop}

// texts are calls of it with a text as the body.
var texts = callertest.Protocol{Protocol: ours, Prefix: Service}

// caller is our side of calls to the real server.
type caller struct{ *callertest.Caller }

// newCaller starts a real server and a pool.
func newCaller(t *testing.T, args []string, options ...muxpool.PoolOption) caller {
	t.Helper()
	_, address := startServer(t, args...)
	return caller{callertest.New(t, address, texts, options...)}
}

// startServer starts a real server; it returns its address.
func startServer(t *testing.T, args ...string) (*peertest.Peer, string) {
	t.Helper()
	p := peertest.StartPeer(t, peer(t, append([]string{"-server"}, args...)...))
	return p, p.Address()
}

// describe is what the real server saw of a call.
func (c caller) describe(options ...transport.ClientOption) (s Seen) {
	c.T.Helper()
	c.Describe(&s, options...)
	return s
}

// bothTransports runs a test on both of trpc-go's own transports: tnet, which is its
// default, and the one on package net.
func bothTransports(t *testing.T, f func(t *testing.T, args []string)) {
	t.Run("tnet", func(t *testing.T) { f(t, nil) })
	t.Run("go-net", func(t *testing.T) { f(t, []string{"-go-net"}) })
}
