// Package afternoon is the client of a protocol that somebody else has designed, with the
// odd corners that such protocols have: docs/afternoon.md goes through it, a file for each
// part.
//
//	| length u32 | id u32 | kind u8 | rest |
//
// length counts the whole frame; the kinds are below. A connection begins with a login.
package afternoon

import (
	"encoding/binary"
	"errors"
	"io"

	"github.com/muxkit/muxkit/transport"
)

// What a frame is, and what its rest has.
const (
	kindRequest = 'Q' // token u32 | method | 0 | body
	kindPart    = 'P' // of a body: more follows
	kindAnswer  = 'A' // the body, or its last part
	kindError   = 'E' // number u16 | text
	kindLogin   = 'L' // name | 0 | secret; answered with a token u32
	kindCancel  = 'C' // token u32 | id u32 of the call that was left; answered
	kindAsk     = 'W' // the peer's: are you there?
	kindHere    = 'H' // the answer to that
	kindBye     = 'B' // this side leaves
)

const header = 9

// Protocol is the client's side for one user.
type Protocol struct {
	Name, Secret string
}

// Parse implements muxpool.FrameParser.
func (Protocol) Parse(r io.Reader) (uint32, []byte, error) {
	frame, err := transport.ReadFrame(r, header, func(h []byte) (int, error) { return int(binary.BigEndian.Uint32(h)), nil })
	if err != nil {
		return 0, nil, err
	}
	return binary.BigEndian.Uint32(frame[4:]), frame, nil
}

// AppendRequest implements transport.Protocol.
func (Protocol) AppendRequest(dst []byte, id uint32, req *transport.Message) ([]byte, error) {
	token, _ := req.Session.(uint32)
	return appendFrame(dst, id, kindRequest, binary.BigEndian.AppendUint32(nil, token), []byte(req.Method), []byte{0}, req.Body), nil
}

// ParseResponse implements transport.Protocol.
func (Protocol) ParseResponse(frame []byte, resp *transport.Message) error {
	if len(frame) < header {
		return errors.New("afternoon: a short frame")
	}
	switch rest := frame[header:]; {
	case frame[8] == kindPart, frame[8] == kindAnswer:
		resp.Body = append(resp.Body, rest...)
		return nil
	case frame[8] == kindError && len(rest) >= 2:
		return transport.Business(int(binary.BigEndian.Uint16(rest)), string(rest[2:]))
	}
	return errors.New("afternoon: this is no answer")
}

func appendFrame(dst []byte, id uint32, kind byte, rest ...[]byte) []byte {
	begin := len(dst)
	dst = binary.BigEndian.AppendUint32(append(dst, 0, 0, 0, 0), id)
	dst = append(dst, kind)
	for _, b := range rest {
		dst = append(dst, b...)
	}
	binary.BigEndian.PutUint32(dst[begin:], uint32(len(dst)-begin))
	return dst
}
