package afternoon

import (
	"context"
	"encoding/binary"
	"errors"
	"net"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/verdict"
)

var _ muxpool.SessionHandshaker = Protocol{}

// HandshakeSession implements muxpool.SessionHandshaker: the session is the token.
func (p Protocol) HandshakeSession(_ context.Context, nc net.Conn) (any, error) {
	if _, err := nc.Write(appendFrame(nil, 0, kindLogin, []byte(p.Name), []byte{0}, []byte(p.Secret))); err != nil {
		return nil, err
	}
	_, frame, err := p.Parse(nc) // from a plain reader Parse takes its frame and not a byte more
	switch {
	case err != nil:
		return nil, err
	case len(frame) == header+4 && frame[8] == kindAnswer:
		return binary.BigEndian.Uint32(frame[header:]), nil
	case len(frame) > header+2 && frame[8] == kindError: // no other node would say otherwise
		return nil, verdict.Tell(errors.New(string(frame[header+2:])), verdict.ByCode(verdict.CodeUnauthenticated))
	}
	return nil, errors.New("afternoon: this is no answer to a login")
}
