package endpoint

import (
	"context"
	"io"
	"testing"

	"github.com/go-kit/kit/sd"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/verdict"
	"github.com/muxkit/muxkit/transport"
)

// A Set of Clients over a pool.
func TestSetOfClients(t *testing.T) {
	pool := poolFunc(func(n muxpool.Node) error { return &muxpool.Error{Op: "get", Node: n, Err: io.ErrClosedPipe} })
	client := func(n transport.Node) *transport.Client {
		if n == node("b") {
			return nil
		}
		return transport.NewClient(pool, n, wire{}, "Sum", transport.EncodeBytes, transport.DecodeBytes)
	}
	s := NewSet(sd.FixedInstancer{"a:1", "b:1"}, nil, WithoutWait())
	defer s.Close()
	_, err := s.Endpoint("Sum", client)(t.Context(), []byte("x"))
	mustBe(t, err, io.ErrClosedPipe)
	equal(t, "node", nodeOf(err), node("a"))
	equal(t, "sent", verdict.Of(err).Sent(), false)
}

// poolFunc is a pool that has no connection, for the reason that it returns.
type poolFunc func(muxpool.Node) error

func (f poolFunc) GetMuxConn(_ context.Context, network, address string, _ muxpool.GetOptions) (muxpool.MuxConn, error) {
	return nil, f(muxpool.Node{Network: network, Address: address})
}

// wire is a protocol that nothing is sent in.
type wire struct{}

func (wire) Parse(io.Reader) (uint32, []byte, error) { return 0, nil, io.EOF }
func (wire) AppendRequest(dst []byte, _ uint32, _ *transport.Message) ([]byte, error) {
	return dst, nil
}
func (wire) ParseResponse([]byte, *transport.Message) error { return nil }
