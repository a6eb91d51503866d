package interop

import (
	"context"
	"encoding/binary"
	"errors"
	"testing"
	"time"

	"github.com/muxkit/muxkit/internal/callertest"
	"github.com/muxkit/muxkit/internal/peertest"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/ttheader"
)

// patience bounds waits that a correct run never sees the end of.
const patience = peertest.Patience

func nonce() string { return peertest.Nonce() }

// structOf is a struct that has a text in a field, as the peers' methods take and return it.
func structOf(field int16, text string) []byte {
	b := binary.BigEndian.AppendUint16([]byte{11}, uint16(field))
	b = binary.BigEndian.AppendUint32(b, uint32(len(text)))
	return append(append(b, text...), 0)
}

// textOf reads one; a struct without fields has no text.
func textOf(field int16, b []byte) (string, error) {
	switch {
	case len(b) == 1 && b[0] == 0:
		return "", nil
	case len(b) < 8 || b[0] != 11 || int16(binary.BigEndian.Uint16(b[1:])) != field || int(binary.BigEndian.Uint32(b[3:])) != len(b)-8 || b[len(b)-1] != 0:
		return "", errors.New("not the struct of a text")
	}
	return string(b[7 : len(b)-1]), nil
}

func encode(field int16) func(context.Context, *transport.Message, any) error {
	return func(_ context.Context, m *transport.Message, text any) error {
		m.Body = structOf(field, text.(string))
		return nil
	}
}

func decode(field int16) func(context.Context, *transport.Message) (any, error) {
	return func(_ context.Context, m *transport.Message) (any, error) {
		defer m.ReleaseBody()
		return textOf(field, m.Body)
	}
}

// caller is our side of calls to a real server.
type caller struct {
	*callertest.Caller
	p      ttheader.Protocol
	server *peertest.Peer
}

// newCaller starts a real server and a pool.
func newCaller(t *testing.T, p ttheader.Protocol, server peer, args []string, options ...muxpool.PoolOption) caller {
	t.Helper()
	process, address := startServer(t, server, "127.0.0.1:0", args...)
	p.Caller, p.Callee = Caller, Callee
	options = append([]muxpool.PoolOption{muxpool.WithDialTimeout(10 * time.Second)}, options...)
	texts := callertest.Protocol{Protocol: p, Encode: encode(1), Decode: decode(0)}
	return caller{callertest.New(t, address, texts, options...), p, process}
}

// startServer starts a real server; it returns its address.
func startServer(t *testing.T, server peer, at string, args ...string) (*peertest.Peer, string) {
	t.Helper()
	p := peertest.StartPeer(t, server.command(t, append([]string{"-server", at}, args...)...))
	return p, p.Address()
}

// describe is what the real server saw of a call.
func (c caller) describe(options ...transport.ClientOption) (s Seen) {
	c.T.Helper()
	c.Describe(&s, options...)
	return s
}
