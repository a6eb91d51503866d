package muxtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/muxkit/muxkit/muxpool"
)

// ErrMismatch is in the chain of the error of a call that got an answer to
// another one: the one thing that must never happen.
var ErrMismatch = errors.New("muxtest: the answer to another call")

// Caller makes exchanges with a Peer through a pool. It is safe for concurrent
// use if Pool is.
type Caller struct {
	Pool muxpool.Pool
	Node muxpool.Node
	Opts muxpool.GetOptions
}

// NewCaller returns a Caller that uses the parser.
func NewCaller(pool muxpool.Pool, network, address string, parser muxpool.FrameParser) Caller {
	c := Caller{Pool: pool, Node: muxpool.Node{Network: network, Address: address}, Opts: muxpool.NewGetOptions()}
	c.Opts.WithFrameParser(parser)
	return c
}

// Call sends body with a fresh nonce and waits for the answer, which must bear
// the id, the nonce and the body, or the error wraps ErrMismatch.
func (c Caller) Call(ctx context.Context, body []byte) error {
	mc, err := c.Get(ctx)
	if err != nil {
		return err
	}
	defer mc.Close()
	return Exchange(mc, body)
}

// Get opens a virtual connection.
func (c Caller) Get(ctx context.Context) (muxpool.MuxConn, error) {
	return c.Pool.GetMuxConn(ctx, c.Node.Network, c.Node.Address, c.Opts)
}

// Exchange sends body as a Call on mc and waits for the answer, as Caller.Call
// does.
func Exchange(mc muxpool.MuxConn, body []byte) error {
	call := NewCall(mc, body)
	if err := mc.Write(AppendFrame(nil, call)); err != nil {
		return err
	}
	return Expect(mc, call)
}

// NewCall returns a Call with mc's id and a fresh nonce.
func NewCall(mc muxpool.MuxConn, body []byte) Frame {
	return Frame{Kind: Call, ID: mc.VID(), Nonce: rand.Uint64(), Body: body}
}

// Expect reads the answer to call.
func Expect(mc muxpool.MuxConn, call Frame) error {
	b, err := mc.Read()
	if err != nil {
		return err
	}
	defer muxpool.Release(b)
	got, err := DecodeFrame(b)
	if err != nil {
		return err
	}
	if got.ID != call.ID || got.Nonce != call.Nonce || !bytes.Equal(got.Body, call.Body) {
		return fmt.Errorf("%w: id %d, nonce %#x, %d bytes to a call with id %d, nonce %#x, %d bytes", ErrMismatch,
			got.ID, got.Nonce, len(got.Body), call.ID, call.Nonce, len(call.Body))
	}
	return nil
}
