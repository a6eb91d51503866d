package dnsmsg

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/wire"
	"github.com/muxkit/muxkit/transport"
)

// TCP is DNS over TCP, or TLS (RFC 7858): a message behind its length in two bytes. Its zero value is
// ready to use, by any number of clients and services at once.
type TCP struct{}

// UDP is DNS over UDP: a message is a datagram. Its zero value is ready to use likewise.
// A Service truncates what is larger than the client can take (RFC 6891).
type UDP struct{}

var (
	_ transport.ServerProtocol = TCP{}
	_ transport.ServerProtocol = UDP{}
	_ transport.NextProtocol   = TCP{}
	_ muxpool.FrameClassifier  = TCP{}
	_ muxpool.FrameClassifier  = UDP{}
	_ muxpool.IDSpacer         = TCP{}
	_ muxpool.IDSpacer         = UDP{}
)

// Methods of a Service: the opcodes of RFC 1035, RFC 1996 and RFC 2136.
const (
	MethodQuery  = "QUERY"
	MethodNotify = "NOTIFY"
	MethodUpdate = "UPDATE"
)

// methods are the names of opcodes; others are named OPCODE and the number.
var methods = [16]string{0: MethodQuery, 4: MethodNotify, 5: MethodUpdate}

func methodOf(m []byte) string {
	code := m[2] & maskOpcode >> 3
	if name := methods[code]; name != "" {
		return name
	}
	return fmt.Sprintf("OPCODE%d", code)
}

// errStream is for who names a node of the network tcp.
var errStream = errors.New("dnsmsg: UDP is the protocol of datagrams; of a stream it is TCP")

// idSpace has all ids of 16 bits.
var idSpace = muxpool.IDSpace{Max: 1<<16 - 1}

// IDSpace implements muxpool.IDSpacer.
func (TCP) IDSpace() muxpool.IDSpace { return idSpace }

// IDSpace implements muxpool.IDSpacer.
func (UDP) IDSpace() muxpool.IDSpace { return idSpace }

// NextProtocol implements transport.NextProtocol: RFC 7858, section 3.1.
func (TCP) NextProtocol() string { return "dot" }

const prefix = 2 // bytes of a message's length over TCP

// Parse implements muxpool.FrameParser.
func (TCP) Parse(r io.Reader) (uint32, []byte, error) {
	frame, err := transport.ReadFrame(r, prefix, func(h []byte) (int, error) {
		n := int(binary.BigEndian.Uint16(h))
		if n < headerSize {
			return 0, fmt.Errorf("dnsmsg: a message of %d bytes, its header has %d", n, headerSize)
		}
		return prefix + n, nil
	})
	if err != nil {
		return 0, nil, err
	}
	return idOf(frame[prefix:]), frame, nil
}

// Parse implements muxpool.FrameParser.
func (UDP) Parse(r io.Reader) (uint32, []byte, error) {
	d, ok := r.(*wire.DatagramReader)
	if !ok {
		return 0, nil, errStream
	}
	m, err := d.Peek(maxMessage + 1) // more than there can be: it is all
	if err == io.ErrUnexpectedEOF && len(m) >= headerSize {
		_, err = d.Discard(len(m))
	}
	if err != nil {
		return 0, nil, err
	}
	return idOf(m), m, nil
}

func idOf(m []byte) uint32 { return uint32(secret.show(binary.BigEndian.Uint16(m))) }

// ClassifyFrame implements muxpool.FrameClassifier: what is no response belongs to no call.
func (TCP) ClassifyFrame(_ uint32, frame []byte) muxpool.FrameKind { return kind(frame[prefix:]) }

// ClassifyFrame implements muxpool.FrameClassifier.
func (UDP) ClassifyFrame(_ uint32, frame []byte) muxpool.FrameKind { return kind(frame) }

func kind(m []byte) muxpool.FrameKind {
	if m[2]&flagResponse == 0 {
		return muxpool.FrameUnsolicited
	}
	return muxpool.FrameLast
}

// AppendRequest implements transport.Protocol.
func (TCP) AppendRequest(dst []byte, id uint32, req *transport.Message) ([]byte, error) {
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(req.Body)))
	return appendRequest(dst, id, req)
}

// AppendRequest implements transport.Protocol.
func (UDP) AppendRequest(dst []byte, id uint32, req *transport.Message) ([]byte, error) {
	return appendRequest(dst, id, req)
}

func appendRequest(dst []byte, id uint32, req *transport.Message) ([]byte, error) {
	m := req.Body
	switch {
	case len(m) < headerSize:
		return dst, fmt.Errorf("dnsmsg: the body is no DNS message: %d bytes, a header has %d", len(m), headerSize)
	case len(m) > maxMessage:
		return dst, fmt.Errorf("dnsmsg: a DNS message has at most %d bytes, the body has %d", maxMessage, len(m))
	case m[2]&flagResponse != 0:
		return dst, errResponse
	}
	asked, err := questions(m)
	if err != nil {
		return dst, fmt.Errorf("the request's questions: %w", err)
	}
	req.Tag = string(asked)
	dst = binary.BigEndian.AppendUint16(dst, secret.hide(uint16(id)))
	return append(dst, m[2:]...), nil
}

// ParseResponse implements transport.Protocol.
func (TCP) ParseResponse(frame []byte, resp *transport.Message) error {
	return parseResponse(frame[min(prefix, len(frame)):], resp)
}

// ParseResponse implements transport.Protocol.
func (UDP) ParseResponse(frame []byte, resp *transport.Message) error {
	return parseResponse(frame, resp)
}

func parseResponse(m []byte, resp *transport.Message) error {
	answered, err := questions(m)
	if err != nil {
		return fmt.Errorf("the answer's questions: %w", err)
	}
	asked, _ := resp.Tag.(string)
	rcode := int(m[3] & maskRcode)
	if unread := len(answered) == 0 && rcode != rcodeNone; !unread && !sameQuestions([]byte(asked), answered) {
		return fmt.Errorf("dnsmsg: an answer to another question than the request's: %.80q", answered)
	}
	m[0], m[1] = 0, 0 // the pool's affair
	resp.Body = m
	if rcode == rcodeNone || rcode == rcodeNoName {
		return nil
	}
	return &transport.Error{Code: codeOf(rcode), Status: rcode, Message: nameOf(rcode)}
}
