package trpc

import (
	"encoding/binary"
	"errors"
	"math"
)

// The wire types of protocol buffers (protobuf.dev/programming-guides/encoding).
const (
	wireVarint     = 0
	wireFixed64    = 1
	wireBytes      = 2
	wireGroupStart = 3
	wireGroupEnd   = 4
	wireFixed32    = 5
)

const (
	maxFieldNumber = 1<<29 - 1
	maxGroupDepth  = 10_001 // as in google.golang.org/protobuf
)

var errProtobuf = errors.New("trpc: the head is not valid protobuf")

// field is one field of a message. A group has no value: it is skipped.
type field struct {
	number int
	wire   uint8
	n      uint64 // of wireVarint
	b      []byte // of wireBytes, within the message
}

// nextField cuts the first field off b, which is not empty.
func nextField(b []byte) (f field, rest []byte, err error) {
	f, b, err = nextTag(b)
	if err != nil || f.number > maxFieldNumber {
		return f, nil, errProtobuf
	}
	if f.wire == wireGroupStart {
		rest, err = skipGroup(b, f.number)
		return f, rest, err
	}
	rest, err = f.value(b)
	return f, rest, err
}

func nextTag(b []byte) (f field, rest []byte, err error) {
	tag, n := binary.Uvarint(b)
	if n <= 0 || tag>>3 == 0 || tag>>3 > math.MaxInt32 {
		return f, nil, errProtobuf
	}
	return field{number: int(tag >> 3), wire: uint8(tag & 7)}, b[n:], nil
}

// value reads the value of a field that is no group.
func (f *field) value(b []byte) (rest []byte, err error) {
	size := 0
	switch f.wire {
	case wireVarint:
		f.n, size = binary.Uvarint(b)
		if size <= 0 {
			return nil, errProtobuf
		}
	case wireFixed64:
		size = 8
	case wireFixed32:
		size = 4
	case wireBytes:
		length, n := binary.Uvarint(b)
		if n <= 0 || length > uint64(len(b)-n) {
			return nil, errProtobuf
		}
		f.b, size = b[n:n+int(length)], n+int(length)
	default:
		return nil, errProtobuf
	}
	if size > len(b) {
		return nil, errProtobuf
	}
	return b[size:], nil
}

// skipGroup skips what is left of a group, those within it included.
func skipGroup(b []byte, number int) (rest []byte, err error) {
	open := append(make([]int, 0, 8), number)
	for len(open) > 0 {
		var f field
		if f, b, err = nextTag(b); err != nil {
			return nil, err
		}
		switch f.wire {
		case wireGroupStart:
			if open = append(open, f.number); len(open) > maxGroupDepth {
				return nil, errProtobuf
			}
		case wireGroupEnd:
			if f.number != open[len(open)-1] {
				return nil, errProtobuf
			}
			open = open[:len(open)-1]
		default:
			if b, err = f.value(b); err != nil {
				return nil, err
			}
		}
	}
	return b, nil
}

// The append functions leave out what is empty, as proto3 does. Field numbers are
// below 16, so a tag is one byte.

func appendVarint(dst []byte, number int, v uint64) []byte {
	if v == 0 {
		return dst
	}
	return binary.AppendUvarint(append(dst, byte(number<<3|wireVarint)), v)
}

func appendBytes[T string | []byte](dst []byte, number int, v T) []byte {
	if len(v) == 0 {
		return dst
	}
	return appendAllBytes(dst, number, v)
}

func appendAllBytes[T string | []byte](dst []byte, number int, v T) []byte {
	dst = binary.AppendUvarint(append(dst, byte(number<<3|wireBytes)), uint64(len(v)))
	return append(dst, v...)
}

// sizeBytes is what appendAllBytes appends for n bytes.
func sizeBytes(n int) int {
	size := 2 + n
	for l := n; l >= 0x80; l >>= 7 {
		size++
	}
	return size
}
