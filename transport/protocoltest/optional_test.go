package protocoltest_test

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"maps"
	"net"
	"sync/atomic"
	"testing"

	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
	"github.com/muxkit/muxkit/transport/protocoltest"
)

// cancelling is plain with a cancel that is a request.
type cancelling struct{ plain }

func (cancelling) AppendCancelRequest(dst []byte, id, left uint32, _ *transport.Message) []byte {
	return appendPlain(dst, id, 1, binary.BigEndian.AppendUint32(nil, left))
}

// tokens is plain behind a handshake that tells a token, which requests bear.
type tokens struct{ plain }

func (tokens) HandshakeSession(_ context.Context, nc net.Conn) (any, error) {
	token := make([]byte, 4)
	_, err := io.ReadFull(nc, token)
	return token, err
}

func (tokens) AppendRequest(dst []byte, id uint32, req *transport.Message) ([]byte, error) {
	return appendPlain(dst, id, 0, append(append([]byte(nil), req.Session.([]byte)...), req.Body...)), nil
}

var given atomic.Uint32

// givesTokens are plain's peer, which gives each connection a token of its own.
var givesTokens = append(plainPeer[:2:2], protocoltest.PeerHandshake(func(nc net.Conn) error {
	_, err := nc.Write(binary.BigEndian.AppendUint32(nil, given.Add(1)))
	return err
}))

// asking is plain whose answers end with what the request has asked for first, as they are
// short: its length is known from the request only.
type asking struct{ plain }

func (p asking) AppendRequest(dst []byte, id uint32, req *transport.Message) ([]byte, error) {
	req.Tag = len(req.Body)
	return p.plain.AppendRequest(dst, id, req)
}

func (p asking) ParseResponse(frame []byte, resp *transport.Message) error {
	err := p.plain.ParseResponse(frame, resp)
	if n := resp.Tag.(int); n < len(resp.Body) {
		resp.Body = resp.Body[:n]
	}
	return err
}

func TestSoundOptionalPartsPass(t *testing.T) {
	protocoltest.Run(t, cancelling{}, plainPeer...)
	protocoltest.Run(t, tokens{}, givesTokens...)
	protocoltest.Run(t, asking{}, plainPeer...)
}

// Each of these has one fault.

type lostCancel struct{ cancelling } // names itself, not the call

func (p lostCancel) AppendCancelRequest(dst []byte, id, _ uint32, req *transport.Message) []byte {
	return p.cancelling.AppendCancelRequest(dst, id, id, req)
}

type swappedCancel struct{ cancelling } // has the id of the call

func (p swappedCancel) AppendCancelRequest(dst []byte, id, left uint32, req *transport.Message) []byte {
	return p.cancelling.AppendCancelRequest(dst, left, id, req)
}

type loneCancel struct{ cancelling } // does not append

func (p loneCancel) AppendCancelRequest(_ []byte, id, left uint32, req *transport.Message) []byte {
	return p.cancelling.AppendCancelRequest(nil, id, left, req)
}

type dumbCancel struct{ native.Protocol } // a cancel of nobody

func (p dumbCancel) AppendCancel(dst []byte, _ uint32) []byte { return p.Protocol.AppendCancel(dst, 1) }

type strangeCancel struct{ native.Protocol } // a request, to its own server

func (p strangeCancel) AppendCancel(dst []byte, id uint32) []byte {
	dst, _ = p.AppendRequest(dst, id, &transport.Message{Method: "cancel"})
	return dst
}

type sharedToken struct { // the last connection's token is everybody's
	tokens
	last *atomic.Uint32
}

func (p sharedToken) HandshakeSession(ctx context.Context, nc net.Conn) (any, error) {
	session, err := p.tokens.HandshakeSession(ctx, nc)
	if err == nil {
		p.last.Store(binary.BigEndian.Uint32(session.([]byte)))
	}
	return session, err
}

func (p sharedToken) AppendRequest(dst []byte, id uint32, req *transport.Message) ([]byte, error) {
	return appendPlain(dst, id, 0, append(binary.BigEndian.AppendUint32(nil, p.last.Load()), req.Body...)), nil
}

type keptRequest struct{ asking } // its Tag is the request

func (p keptRequest) AppendRequest(dst []byte, id uint32, req *transport.Message) ([]byte, error) {
	dst, err := p.plain.AppendRequest(dst, id, req)
	req.Tag = req
	return dst, err
}

func (p keptRequest) ParseResponse(frame []byte, resp *transport.Message) error {
	if req := resp.Tag.(*transport.Message); req.Method != resp.Method {
		return errors.New("the answer to something else")
	}
	return p.plain.ParseResponse(frame, resp)
}

type keptBody struct{ asking } // its Tag lies in the request's body

func (p keptBody) AppendRequest(dst []byte, id uint32, req *transport.Message) ([]byte, error) {
	dst, err := p.plain.AppendRequest(dst, id, req)
	req.Tag = req.Body
	return dst, err
}

func (p keptBody) ParseResponse(frame []byte, resp *transport.Message) error {
	err := p.plain.ParseResponse(frame, resp)
	resp.Body = append(append([]byte(nil), resp.Tag.([]byte)...), resp.Body...)
	return err
}

var brokenParts = map[string]mistake{
	"a cancel of itself":         {lostCancel{}, plainPeer, "the peer could not tell which was left"},
	"a cancel with the call's":   {swappedCancel{}, plainPeer, "the answer to the cancel would go to another call"},
	"a cancel that overwrites":   {loneCancel{}, plainPeer, "AppendCancelRequest must append to what it is given"},
	"a cancel of nobody":         {dumbCancel{}, nil, "the peer could not tell which was left"},
	"a cancel that is a request": {strangeCancel{}, nil, "it must be one for ClassifyRequest"},
	"a session for all":          {sharedToken{last: new(atomic.Uint32)}, givesTokens, "and not in the protocol, which all connections share"},
	"no peer for the handshake":  {tokens{}, plainPeer, "tell with protocoltest.PeerHandshake"},
	"a Tag that is the request":  {keptRequest{}, plainPeer, "must copy what its Tag keeps of the Body"},
	"a Tag in the body":          {keptBody{}, plainPeer, "must copy what its Tag keeps of the Body"},
}

func init() { maps.Copy(brokenClients, brokenParts) }
