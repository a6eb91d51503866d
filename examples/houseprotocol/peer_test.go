package houseprotocol_test

import (
	"context"
	"encoding/binary"
	"errors"
	"testing"
	"time"

	"github.com/muxkit/muxkit/examples/houseprotocol"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/protocoltest"
)

// TestPeerThatRefuses is a test with a peer of its own: what the real one does that no kit
// can know.
func TestPeerThatRefuses(t *testing.T) {
	p := houseprotocol.Protocol{}
	node := protocoltest.Serve(t, func(c *protocoltest.Conn) {
		for {
			id, _, err := c.Frame(p)
			if err != nil {
				return
			}
			answer, err := p.AppendResponse(nil, id, nil, &transport.Message{Err: transport.Business(0, "closed on Sundays")})
			if err != nil {
				t.Error(err)
				return
			}
			if _, err := c.Write(answer); err != nil {
				return
			}
		}
	})
	pool, err := muxpool.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pool.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	_, err = transport.NewClient(pool, node, p, "Buy", transport.EncodeBytes, transport.DecodeBytes).Endpoint()(ctx, []byte("x"))
	var e *transport.Error
	if !errors.As(err, &e) || !e.Business() || e.Message != "closed on Sundays" {
		t.Errorf("got %v", err)
	}
}

// TestPiecesConformance: the kit plays the peer of a protocol without a server side.
func TestPiecesConformance(t *testing.T) {
	protocoltest.Run(t, pieces{}, protocoltest.Answer(func(dst []byte, id uint32, body []byte) []byte {
		half := len(body) / 2
		return appendPiece(appendPiece(dst, id, 1, string(body[:half])), id, 0, string(body[half:]))
	}), protocoltest.Garbage(binary.AppendUvarint(nil, 4)))
}

func FuzzFrames(f *testing.F) { protocoltest.FuzzFrames(f, houseprotocol.Protocol{}) }

func FuzzMessages(f *testing.F) { protocoltest.FuzzMessages(f, houseprotocol.Protocol{}) }
