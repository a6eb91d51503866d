package native

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// The kinds of frames. docs/native-protocol.md defines them.
const (
	kindRequest   = 1
	kindAnswer    = 2
	kindError     = 3
	kindCancel    = 4
	kindPing      = 5
	kindPong      = 6
	kindGoingAway = 7
	kindSettings  = 8
)

const (
	version    = 2
	headerSize = 16
)

// The flags. One that is not defined for a kind is ignored there, unless it is among
// flagsVital: those change what a frame means, so who does not know them must not act
// on it.
const (
	flagOneWay  = 1 << 0 // request
	flagTimeout = 1 << 1 // request
	flagNotRun  = 1 << 2 // error
	flagMore    = 1 << 3 // request, answer

	flagsVital = 0xc0
)

// header is the fixed part of a frame.
type header struct {
	length     uint32 // of all that follows this field
	kind       uint8
	flags      uint8
	code       uint8
	id         uint32
	textLength uint16 // of the method, or the error's message
	pairs      uint16 // of metadata
}

func parseHeader(b []byte) (h header, err error) {
	_ = b[headerSize-1]
	h = header{
		length: binary.BigEndian.Uint32(b),
		kind:   b[5], flags: b[6], code: b[7],
		id:         binary.BigEndian.Uint32(b[8:]),
		textLength: binary.BigEndian.Uint16(b[12:]),
		pairs:      binary.BigEndian.Uint16(b[14:]),
	}
	if b[4] != version {
		return h, &versionError{version: b[4], header: h}
	}
	return h, checkLength(h.length)
}

// vital returns an error if h has flags that this version does not know and must.
func (h header) vital() error {
	if f := h.flags & flagsVital; f != 0 {
		return fmt.Errorf("native: a frame with the flags %#x, which this side does not know", f)
	}
	return nil
}

func checkLength(n uint32) error {
	if n < headerSize-4 || n > math.MaxInt32-4 {
		return fmt.Errorf("native: a frame of length %d", n)
	}
	return nil
}

// appendHeader appends h with length zero: finish sets it.
func appendHeader(dst []byte, h header) []byte { return appendHeaderOf(version, dst, h) }

func appendHeaderOf(version uint8, dst []byte, h header) []byte {
	dst = append(dst, 0, 0, 0, 0, version, h.kind, h.flags, h.code)
	dst = binary.BigEndian.AppendUint32(dst, h.id)
	dst = binary.BigEndian.AppendUint16(dst, h.textLength)
	return binary.BigEndian.AppendUint16(dst, h.pairs)
}

// finish sets the length of the frame that starts at start.
func finish(dst []byte, start int) ([]byte, error) {
	n := len(dst) - start - 4
	if n > math.MaxInt32-4 {
		return dst, fmt.Errorf("native: a frame of %d bytes does not fit its length field", n)
	}
	binary.BigEndian.PutUint32(dst[start:], uint32(n))
	return dst, nil
}

func appendControl(dst []byte, kind uint8, id uint32) []byte {
	start := len(dst)
	dst, _ = finish(appendHeader(dst, header{kind: kind, id: id}), start)
	return dst
}

var errShort = errors.New("native: a part of the frame is longer than the frame")

// parts cuts the variable part of a frame into pieces; the first piece that is
// not there makes it fail for good.
type parts struct {
	rest []byte
	err  error
}

func (p *parts) take(n int) []byte {
	if p.err != nil || n > len(p.rest) {
		p.err = errShort
		return nil
	}
	b := p.rest[:n:n]
	p.rest = p.rest[n:]
	return b
}

func (p *parts) uint16() int {
	if b := p.take(2); b != nil {
		return int(binary.BigEndian.Uint16(b))
	}
	return 0
}

func (p *parts) uint32() uint32 {
	if b := p.take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (p *parts) uint64() uint64 {
	if b := p.take(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}
