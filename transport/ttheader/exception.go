package ttheader

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/muxkit/muxkit/transport"
)

// Types of the binary protocol.
const (
	typeStop   = 0
	typeBool   = 2
	typeByte   = 3
	typeDouble = 4
	typeI16    = 6
	typeI32    = 8
	typeI64    = 10
	typeString = 11
	typeStruct = 12
	typeMap    = 13
	typeSet    = 14
	typeList   = 15
	typeUUID   = 16
)

// Fields of a TApplicationException. Those from fieldCode on are muxkit's own: what its transport
// says of a call where there is no header for it. Others pass them over; they are of types of a
// fixed size, since Kitex (gopkg v0.2.0) passes over no other in an exception.
const (
	fieldMessage = 1
	fieldType    = 2
	fieldCode    = 0x6d01 // i32: the Code
	fieldStatus  = 0x6d02 // i64: the number of a business error
	fieldRetry   = 0x6d03 // i64: RetryAfter, in milliseconds
	fieldFlags   = 0x6d04 // i32
)

// Bits of fieldFlags.
const (
	flagNotRun = 1 << iota
	flagNoRetry
	flagGoingAway
)

// deepest is how deep in an exception values may be, which nobody has a reason for.
const deepest = 16

// exception is a TApplicationException.
type exception struct {
	message []byte
	kind    int32
	words   words
}

// words are what a muxkit server says in an exception, each 0 if it says nothing.
type words struct {
	code          transport.Code
	status, retry int64
	flags         uint32
}

var errException = errors.New("ttheader: an exception that cannot be read")

// parse reads an exception. What is behind it is not looked at.
func (e *exception) parse(b []byte) error {
	r := structReader{rest: b}
	for {
		kind, id := r.field()
		if kind == typeStop || r.failed {
			break
		}
		switch {
		case kind == typeString && id == fieldMessage:
			e.message = r.string()
		case kind == typeI32 && id == fieldType:
			e.kind = int32(binary.BigEndian.Uint32(r.take(4)))
		case kind == typeI32 && id == fieldCode:
			e.words.code = transport.Code(min(binary.BigEndian.Uint32(r.take(4)), 255))
		case kind == typeI64 && id == fieldStatus:
			e.words.status = int64(binary.BigEndian.Uint64(r.take(8)))
		case kind == typeI64 && id == fieldRetry:
			e.words.retry = int64(binary.BigEndian.Uint64(r.take(8)))
		case kind == typeI32 && id == fieldFlags:
			e.words.flags = binary.BigEndian.Uint32(r.take(4))
		default:
			r.skip(kind, 0)
		}
	}
	if r.failed {
		return errException
	}
	return nil
}

// appendException appends the struct.
func appendException(dst []byte, text string, kind int32, w words) []byte {
	dst = append(dst, typeString, 0, fieldMessage)
	dst = append(binary.BigEndian.AppendUint32(dst, uint32(len(text))), text...)
	dst = appendI32(dst, fieldType, uint32(kind))
	if w.code != 0 {
		dst = appendI32(dst, fieldCode, uint32(w.code))
	}
	if w.status != 0 {
		dst = appendI64(dst, fieldStatus, uint64(w.status))
	}
	if w.retry != 0 {
		dst = appendI64(dst, fieldRetry, uint64(w.retry))
	}
	if w.flags != 0 {
		dst = appendI32(dst, fieldFlags, w.flags)
	}
	return append(dst, typeStop)
}

func appendI32(dst []byte, field uint16, v uint32) []byte {
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint16(append(dst, typeI32), field), v)
}

func appendI64(dst []byte, field uint16, v uint64) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint16(append(dst, typeI64), field), v)
}

// structReader reads a struct. After a failure it gives zeros.
type structReader struct {
	rest   []byte
	failed bool
}

var zeros [16]byte

// take takes n bytes, at most 16 of which a caller looks at without asking whether it failed.
func (r *structReader) take(n int) []byte {
	if r.failed || n < 0 || n > len(r.rest) {
		r.failed = true
		return zeros[:]
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

func (r *structReader) field() (kind byte, id uint16) {
	if kind = r.take(1)[0]; kind == typeStop {
		return kind, 0
	}
	return kind, binary.BigEndian.Uint16(r.take(2))
}

// length reads a length or a number of elements, each of which has a byte at least.
func (r *structReader) length() int {
	n := int32(binary.BigEndian.Uint32(r.take(4)))
	if n < 0 || int(n) > len(r.rest) {
		r.failed = true
		return 0
	}
	return int(n)
}

func (r *structReader) string() []byte {
	b := r.take(r.length())
	if r.failed {
		return nil
	}
	return b
}

func (r *structReader) mapHead() (kinds [2]byte, n int) {
	copy(kinds[:], r.take(2))
	return kinds, r.length()
}

// skip passes a value over.
func (r *structReader) skip(kind byte, depth int) {
	if depth > deepest {
		r.failed = true
	}
	if r.failed {
		return
	}
	switch kind {
	case typeBool, typeByte:
		r.take(1)
	case typeI16:
		r.take(2)
	case typeI32:
		r.take(4)
	case typeI64, typeDouble:
		r.take(8)
	case typeUUID:
		r.take(16)
	case typeString:
		r.string()
	case typeStruct:
		for {
			kind, _ := r.field()
			if kind == typeStop || r.failed {
				return
			}
			r.skip(kind, depth+1)
		}
	case typeMap:
		kinds, n := r.mapHead()
		for i := 0; i < n && !r.failed; i++ {
			r.skip(kinds[0], depth+1)
			r.skip(kinds[1], depth+1)
		}
	case typeSet, typeList:
		element := r.take(1)[0]
		n := r.length()
		for i := 0; i < n && !r.failed; i++ {
			r.skip(element, depth+1)
		}
	default:
		r.failed = true
	}
}

// fault is what is wrong with a peer's bytes, and the type of the exception that says so.
type fault struct {
	kind int32
	err  error
}

func (f *fault) Error() string { return f.err.Error() }

func (f *fault) Unwrap() error { return f.err }

// invalid returns a fault. Its text begins as this package's do.
func invalid(kind int32, format string, args ...any) error {
	err := fmt.Errorf(format, args...)
	if format != "%w" {
		err = fmt.Errorf("ttheader: %w", err)
	}
	return &fault{kind, err}
}
