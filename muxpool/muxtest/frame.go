package muxtest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// HeaderLen is the number of bytes in front of a frame's body.
const HeaderLen = 20

const (
	magic0, magic1 = 'm', 'x'
	version        = 1
	maxPeerBody    = 64 << 20 // what a Peer reads; the pool has its own limit
)

// ErrMalformed is in the chain of every error about bytes that are no frame.
var ErrMalformed = errors.New("muxtest: malformed frame")

// Kind is what a frame is.
type Kind uint8

const (
	Call   Kind = iota // asks for an Answer
	Answer             // the answer, or the last of several
	More               // an answer that others follow
	Ping               // asks for a Pong
	Pong               // the peer lives
	GoAway             // send no new calls on this connection
	Hello              // greets; answered with Hello
	Push               // belongs to no call
	kinds              // how many there are
)

// Frame is one frame of the protocol. See the package documentation for its
// layout.
type Frame struct {
	Kind  Kind
	ID    uint32
	Nonce uint64
	Body  []byte
}

// AppendFrame appends f to dst.
func AppendFrame(dst []byte, f Frame) []byte {
	dst = append(dst, magic0, magic1, version, byte(f.Kind))
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(f.Body)))
	dst = binary.BigEndian.AppendUint32(dst, f.ID)
	dst = binary.BigEndian.AppendUint64(dst, f.Nonce)
	return append(dst, f.Body...)
}

// DecodeFrame reads the one frame that b consists of. The body aliases b.
func DecodeFrame(b []byte) (Frame, error) {
	if len(b) < HeaderLen {
		return Frame{}, fmt.Errorf("%w: %d bytes, a header has %d", ErrMalformed, len(b), HeaderLen)
	}
	size, err := bodyLen(b)
	if err != nil {
		return Frame{}, err
	}
	if size != len(b)-HeaderLen {
		return Frame{}, fmt.Errorf("%w: a body of %d bytes, %d announced", ErrMalformed, len(b)-HeaderLen, size)
	}
	return Frame{
		Kind:  Kind(b[3]),
		ID:    binary.BigEndian.Uint32(b[8:]),
		Nonce: binary.BigEndian.Uint64(b[12:]),
		Body:  b[HeaderLen:],
	}, nil
}

// bodyLen checks the first 8 bytes of a header and returns the body's length.
func bodyLen(head []byte) (int, error) {
	switch {
	case head[0] != magic0 || head[1] != magic1:
		return 0, fmt.Errorf("%w: starts with %#x", ErrMalformed, head[:2])
	case head[2] != version:
		return 0, fmt.Errorf("%w: version %d", ErrMalformed, head[2])
	case head[3] >= byte(kinds):
		return 0, fmt.Errorf("%w: kind %d", ErrMalformed, head[3])
	}
	return int(binary.BigEndian.Uint32(head[4:])), nil
}

// ReadFrame reads exactly one frame and not a byte beyond. The error is io.EOF
// if r ended before the frame, io.ErrUnexpectedEOF if inside it.
func ReadFrame(r io.Reader) (Frame, error) {
	var head [HeaderLen]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return Frame{}, err
	}
	size, err := bodyLen(head[:])
	if err != nil {
		return Frame{}, err
	}
	if size > maxPeerBody {
		return Frame{}, fmt.Errorf("%w: a body of %d bytes", ErrMalformed, size)
	}
	b := make([]byte, HeaderLen+size)
	copy(b, head[:])
	if _, err := io.ReadFull(r, b[HeaderLen:]); err != nil {
		return Frame{}, unexpected(err)
	}
	return DecodeFrame(b)
}

// unexpected turns the end of a stream inside a frame into what it is.
func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
