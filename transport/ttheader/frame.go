package ttheader

import (
	"encoding/binary"
	"fmt"

	"github.com/muxkit/muxkit/muxpool"
)

const (
	lengthSize      = 4
	beginning       = lengthSize + 4                    // length, and what kind of a frame it is
	framedBeginning = beginning + 4                     // and the length of the method
	headerBeginning = lengthSize + 10                   // a TTHeader's part of fixed size
	leastFramed     = framedBeginning + 4               // with a method of no bytes, and its id
	leastTTHeader   = headerBeginning + 4 + messageHead // a word, and a message
	messageHead     = 4 + 4 + 4                         // of a method of no bytes
	mostFrame       = lengthSize + 0x3fffffff           // as Kitex has it
	maxMethod       = 4096                              // bytes
	maxHeader       = 4 * 65535                         // bytes, of what its size counts
	messageMagic    = 0x8001                            // the binary protocol, strict
	headerMagic     = 0x1000
	oldMeshMagic    = 0xffaf
)

// look looks at as much of a frame's beginning as tells its length and its id, and refuses
// what is no frame as soon as it can be seen. Nothing is consumed.
func look(fr muxpool.FrameReader) (looked int, err error) {
	b, err := fr.Peek(lengthSize)
	if err != nil {
		return 0, err
	}
	if _, err := lengthOf(b); err != nil {
		return 0, err
	}
	if b, err = fr.Peek(beginning); err != nil {
		return 0, err
	}
	if err := checkKind(b); err != nil {
		return 0, err
	}
	if isHeader(b) {
		return headerBeginning, nil
	}
	if b, err = fr.Peek(framedBeginning); err != nil {
		return 0, err
	}
	n, err := methodLength(b[beginning:], int64(binary.BigEndian.Uint32(b))-(leastFramed-lengthSize))
	return leastFramed + n, err
}

// lengthOf reads the length of a frame, with the four bytes that tell it.
func lengthOf(b []byte) (int, error) {
	n := int64(binary.BigEndian.Uint32(b)) + lengthSize
	switch {
	case n > mostFrame:
		return 0, fmt.Errorf("ttheader: a frame begins with %q: it has %d bytes, at most %d are allowed, or the peer speaks something else", b[:lengthSize], n, mostFrame)
	case n < leastFramed:
		return 0, fmt.Errorf("ttheader: a frame of %d bytes, which no message fits into", n)
	}
	return int(n), nil
}

func isHeader(b []byte) bool { return binary.BigEndian.Uint16(b[lengthSize:]) == headerMagic }

// checkKind refuses what is neither a TTHeader nor a message of the binary protocol.
func checkKind(b []byte) error {
	if isHeader(b) {
		if n := binary.BigEndian.Uint32(b); n < leastTTHeader-lengthSize {
			return fmt.Errorf("ttheader: a TTHeader in a frame of %d bytes, at least %d are needed", n, leastTTHeader-lengthSize)
		}
		return nil
	}
	return checkMessage(b[lengthSize:])
}

// checkMessage refuses a message that is not of the binary protocol in its strict form.
func checkMessage(b []byte) error {
	what := ""
	switch version := binary.BigEndian.Uint16(b); {
	case version == messageMagic:
		return nil
	case version>>8 == 0x82:
		what = "Thrift's compact protocol, which is not supported"
	case version == 0x9001:
		what = "Kitex's Protobuf, which is not supported"
	case version == oldMeshMagic:
		what = "Kitex's old mesh header, which is not supported"
	case version == 0:
		what = "Thrift's binary protocol without a version (not strict), which is not supported"
	default:
		what = "something else"
	}
	return fmt.Errorf("ttheader: a message begins with %#04x, not with %#04x: the peer speaks %s", binary.BigEndian.Uint16(b), messageMagic, what)
}

// methodLength reads the length of a method's name, of which at most room bytes can be there.
func methodLength(b []byte, room int64) (int, error) {
	n := int64(binary.BigEndian.Uint32(b))
	if n > maxMethod {
		return 0, fmt.Errorf("ttheader: a method with %d bytes, at most %d are allowed", n, maxMethod)
	}
	if n > room {
		return 0, fmt.Errorf("ttheader: a method with %d bytes where %d are left", n, max(room, 0))
	}
	return int(n), nil
}

// frameLength is the length of a frame that look has looked at.
func frameLength(b []byte) (int, error) {
	n, err := lengthOf(b)
	if err == nil {
		err = checkKind(b)
	}
	return n, err
}

// checkFrame checks that a frame is what Parse returns.
func checkFrame(frame []byte) error {
	if len(frame) < leastFramed {
		return fmt.Errorf("ttheader: a frame of %d bytes", len(frame))
	}
	n, err := frameLength(frame)
	if err == nil && n != len(frame) {
		err = fmt.Errorf("ttheader: a frame of %d bytes says that it has %d", len(frame), n)
	}
	return err
}
