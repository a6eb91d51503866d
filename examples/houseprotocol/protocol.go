// Package houseprotocol is a protocol as many a house has one of its own, and all
// that muxkit needs to know of it. docs/protocols.md walks through it.
//
//	| length u32 | id u32 | code u8 | text length u8 | text | body |
//
// length counts the whole frame. text is a request's method and an error answer's
// message; code is 0 in requests and in answers that are no errors.
package houseprotocol

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/muxkit/muxkit/transport"
)

// Protocol is the house protocol, both sides.
type Protocol struct{}

const header = 10

// Parse cuts a frame and tells its id.
func (Protocol) Parse(r io.Reader) (uint32, []byte, error) {
	frame, err := transport.ReadFrame(r, header, func(h []byte) (int, error) { return int(binary.BigEndian.Uint32(h)), nil })
	if err != nil {
		return 0, nil, err
	}
	return binary.BigEndian.Uint32(frame[4:]), frame, nil
}

// AppendRequest makes the frame of a request.
func (Protocol) AppendRequest(dst []byte, id uint32, req *transport.Message) ([]byte, error) {
	return appendFrame(dst, id, 0, req.Method, req.Body)
}

// ParseResponse reads the frame of an answer.
func (Protocol) ParseResponse(frame []byte, resp *transport.Message) error {
	code, text, body, err := split(frame)
	resp.Body = body
	if err == nil && code != 0 {
		return &transport.Error{Code: transport.Code(code - 1), Message: string(text)}
	}
	return err
}

// ParseRequest and AppendResponse are the server side; a client does without.
func (Protocol) ParseRequest(frame []byte, req *transport.Message) (err error) {
	code, method, body, err := split(frame)
	req.SetMethod(method)
	req.Body, req.OneWay = body, code != 0 // an error answer is not answered
	return err
}

// AppendResponse makes the frame of an answer.
func (Protocol) AppendResponse(dst []byte, id uint32, _, resp *transport.Message) ([]byte, error) {
	if e := resp.Err; e != nil {
		return appendFrame(dst, id, byte(e.Code)+1, e.Message[:min(len(e.Message), 255)], resp.Body)
	}
	return appendFrame(dst, id, 0, "", resp.Body)
}

func appendFrame(dst []byte, id uint32, code byte, text string, body []byte) ([]byte, error) {
	if len(text) > 255 {
		return dst, fmt.Errorf("houseprotocol: a method of %d bytes", len(text))
	}
	dst = binary.BigEndian.AppendUint32(dst, uint32(header+len(text)+len(body)))
	dst = binary.BigEndian.AppendUint32(dst, id)
	return append(append(append(dst, code, byte(len(text))), text...), body...), nil
}

func split(frame []byte) (code byte, text, body []byte, err error) {
	if len(frame) < header || len(frame) < header+int(frame[9]) {
		return 0, nil, nil, errors.New("houseprotocol: frame too short")
	}
	return frame[8], frame[header : header+int(frame[9])], frame[header+int(frame[9]):], nil
}
