package ttheader

import (
	"encoding/binary"
)

// Types of messages.
const (
	messageCall      = 1
	messageReply     = 2
	messageException = 3
	messageOneWay    = 4
)

// message is a message of the binary protocol. The slices lie in the frame.
type message struct {
	kind   byte
	method []byte
	seq    uint32
	body   []byte
}

// cutMessage reads a message. What of its beginning could be read stands.
func cutMessage(b []byte) (m message, err error) {
	if len(b) < messageHead {
		return m, invalid(typeProtocolError, "a message of %d bytes", len(b))
	}
	if err := checkMessage(b); err != nil {
		return m, invalid(typeInvalidProtocol, "%w", err)
	}
	n, err := methodLength(b[4:], int64(len(b)-messageHead))
	if err != nil {
		return m, invalid(typeProtocolError, "%w", err)
	}
	m.kind = b[3]
	m.method = b[8 : 8+n]
	m.seq = binary.BigEndian.Uint32(b[8+n:])
	m.body = b[messageHead+n:]
	return m, nil
}

// appendMessage appends the beginning of a message, up to its struct.
func appendMessage(dst []byte, kind byte, method string, seq uint32) []byte {
	dst = append(dst, messageMagic>>8, messageMagic&0xff, 0, kind)
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(method)))
	dst = append(dst, method...)
	return binary.BigEndian.AppendUint32(dst, seq)
}

// appendStruct appends a body: that of no bytes is the struct without fields, as of a method
// that returns nothing.
func appendStruct(dst, body []byte) []byte {
	if len(body) == 0 {
		return append(dst, typeStop)
	}
	return append(dst, body...)
}
