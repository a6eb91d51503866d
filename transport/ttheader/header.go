package ttheader

import (
	"encoding/binary"
	"fmt"

	"github.com/muxkit/muxkit/muxpool"
)

// Flags of a TTHeader.
const (
	flagOutOfOrder = 1 << 0 // the sender takes answers in any order: Kitex's mux
	flagStreaming  = 1 << 1 // a frame of TTHeader streaming
)

// protocolBinary is the id of Thrift's binary protocol in a TTHeader.
const protocolBinary = 0

// header is a TTHeader. The slices lie in the frame.
type header struct {
	flags   uint16
	id      uint32
	info    []byte // blocks of pairs, and padding
	payload []byte
}

// cutHeader reads a TTHeader of a frame that was checked.
func cutHeader(frame []byte) (h header, err error) {
	h.flags = binary.BigEndian.Uint16(frame[6:])
	h.id = binary.BigEndian.Uint32(frame[8:])
	size, rest := 4*int(binary.BigEndian.Uint16(frame[12:])), frame[headerBeginning:]
	switch {
	case size < 2:
		return h, invalid(typeProtocolError, "a TTHeader of no words, which has no room for a protocol")
	case size > len(rest):
		return h, invalid(typeProtocolError, "a TTHeader of %d bytes where %d are left", size, len(rest))
	}
	words := rest[:size]
	h.payload = rest[size:]
	switch transforms := int(words[1]); {
	case h.flags&flagStreaming != 0:
		return h, invalid(typeUnsupportedClient, "a frame of TTHeader streaming, which is not supported")
	case words[0] != protocolBinary:
		return h, invalid(typeInvalidProtocol, "the protocol %d in a TTHeader: only Thrift's binary protocol (0) is supported", words[0])
	case transforms > 0:
		return h, invalid(typeInvalidTransform, "%d transforms in a TTHeader, which are not supported", transforms)
	}
	h.info = words[2:]
	return h, nil
}

// unframe cuts the message out of a TTHeader's payload, which may be framed once more.
func unframe(payload []byte) (message []byte, framed bool, err error) {
	if len(payload) < messageHead {
		return nil, false, invalid(typeProtocolError, "a TTHeader's payload of %d bytes, which is no message", len(payload))
	}
	if binary.BigEndian.Uint16(payload) == messageMagic {
		return payload, false, nil
	}
	if err := checkMessage(payload[lengthSize:]); err != nil {
		if n := binary.BigEndian.Uint32(payload); int64(n)+lengthSize != int64(len(payload)) {
			err = checkMessage(payload) // not framed, as it looks
		}
		return nil, false, invalid(typeInvalidProtocol, "%w", err)
	}
	if n := binary.BigEndian.Uint32(payload); int64(n)+lengthSize != int64(len(payload)) {
		return nil, true, invalid(typeProtocolError, "a framed message of %d bytes in a TTHeader's payload of %d", n, len(payload))
	}
	return payload[lengthSize:], true, nil
}

// appendHeader appends a TTHeader up to its info, without lengths.
func appendHeader(dst []byte, flags uint16, id uint32) []byte {
	dst = append(dst, 0, 0, 0, 0, headerMagic>>8, headerMagic&0xff, byte(flags>>8), byte(flags))
	dst = binary.BigEndian.AppendUint32(dst, id)
	return append(dst, 0, 0, protocolBinary, 0)
}

// endHeader pads the TTHeader that starts at start, and sets its size.
func endHeader(dst []byte, start int) ([]byte, error) {
	size := len(dst) - start - headerBeginning
	for ; size%4 != 0; size++ {
		dst = append(dst, 0)
	}
	if size > maxHeader {
		return dst, fmt.Errorf("ttheader: metadata and names make a header of %d bytes, at most %d fit", size, maxHeader)
	}
	binary.BigEndian.PutUint16(dst[start+12:], uint16(size/4))
	return dst, nil
}

// endFrame sets the length at start of what was appended behind it.
func endFrame(dst []byte, start int) error {
	n := len(dst) - start
	if n > mostFrame {
		return fmt.Errorf("ttheader: %w: %d bytes, at most %d are allowed", muxpool.ErrFrameTooLarge, n, mostFrame)
	}
	binary.BigEndian.PutUint32(dst[start:], uint32(n-lengthSize))
	return nil
}
