package trpc

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"

	"github.com/muxkit/muxkit/muxpool"
)

const (
	magic      = 0x0930
	headerSize = 16
	version1   = 1 // in version 0 bytes 14 and 15 are both reserved

	frameUnary  = 0
	frameStream = 1

	streamInit  = 1
	streamClose = 4
)

// checkMagic looks at the first two bytes where it can do so without consuming
// them: who speaks something else is not waited for until 16 bytes came.
func checkMagic(r io.Reader) error {
	fr, ok := r.(muxpool.FrameReader)
	if !ok {
		return nil
	}
	b, err := fr.Peek(2)
	if err != nil {
		return err
	}
	return wrongMagic(b)
}

func wrongMagic(b []byte) error {
	if m := binary.BigEndian.Uint16(b); m != magic {
		return fmt.Errorf("trpc: a frame begins with %#04x, not with %#04x: the peer speaks something else", m, magic)
	}
	return nil
}

// totalLength reads the frame's length out of a header, and refuses what cannot be
// a frame.
func totalLength(b []byte, limit int) (int, error) {
	if err := wrongMagic(b); err != nil {
		return 0, err
	}
	total, head := binary.BigEndian.Uint32(b[4:]), binary.BigEndian.Uint16(b[8:])
	if int64(total) > int64(limit) {
		return 0, fmt.Errorf("%w: %d bytes, at most %d are allowed", muxpool.ErrFrameTooLarge, total, limit)
	}
	if int64(total) < headerSize+int64(head) {
		return 0, fmt.Errorf("trpc: a frame of %d bytes with a head of %d", total, head)
	}
	return int(total), nil
}

// split cuts a frame that Parse returned into its head and what follows.
func split(frame []byte) (head, rest []byte, err error) {
	if len(frame) < headerSize {
		return nil, nil, fmt.Errorf("trpc: a frame of %d bytes", len(frame))
	}
	switch total, err := totalLength(frame, math.MaxInt); {
	case err != nil:
		return nil, nil, err
	case total != len(frame):
		return nil, nil, fmt.Errorf("trpc: a frame of %d bytes says that it has %d", len(frame), total)
	}
	if t := frame[2]; t != frameUnary {
		return nil, nil, fmt.Errorf("trpc: a frame of type %d: only unary calls (type 0) are supported, streams are not", t)
	}
	end := headerSize + int(binary.BigEndian.Uint16(frame[8:]))
	return frame[headerSize:end:end], frame[end:], nil
}

// appendHeader appends a header without lengths: finish sets them.
func appendHeader(dst []byte, frameType, streamType uint8, id uint32, version uint8) []byte {
	dst = append(dst, magic>>8, magic&0xff, frameType, streamType, 0, 0, 0, 0, 0, 0)
	dst = binary.BigEndian.AppendUint32(dst, id)
	return append(dst, version, 0)
}

// finish sets the lengths of the frame that starts at start, whose head ends at
// headEnd.
func finish(dst []byte, start, headEnd, limit int) ([]byte, error) {
	total, head := len(dst)-start, headEnd-start-headerSize
	if head > math.MaxUint16 {
		return dst, fmt.Errorf("trpc: method, names and metadata take %d bytes of the head, at most %d fit", head, math.MaxUint16)
	}
	if total > limit {
		return dst, fmt.Errorf("trpc: %w: %d bytes, at most %d are allowed", muxpool.ErrFrameTooLarge, total, limit)
	}
	binary.BigEndian.PutUint32(dst[start+4:], uint32(total))
	binary.BigEndian.PutUint16(dst[start+8:], uint16(head))
	return dst, nil
}
