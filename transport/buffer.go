package transport

import (
	"context"
	"fmt"

	"github.com/muxkit/muxkit/muxpool/wire"
)

// Buffer is a body in memory that is used again, for payloads that are bytes and
// whose copies would cost more than all else: with DecodeBuffer, EncodeBuffer and
// EncodeResponseBuffer a body is never copied but into and out of frames.
//
// Whoever has a Buffer owns it. Its memory is used again once Release was called; a
// Buffer that is dropped instead is collected as any other memory. A Buffer is not
// safe for concurrent use.
//
// A literal is a Buffer too, of memory that Release does not touch:
// &Buffer{Data: b}.
type Buffer struct {
	Data []byte

	memory []byte // what Data lies in, as it came from wire.Alloc; nil: not to be used again
}

// NewBuffer returns a Buffer whose Data are n bytes of unspecified content.
func NewBuffer(n int) *Buffer {
	b := wire.Alloc(n)
	return &Buffer{Data: b, memory: b}
}

// Release gives the memory back for other calls. Data, and every slice of it, must
// not be touched any more. A second Release does nothing, nor does one of nil.
func (b *Buffer) Release() {
	if b != nil {
		wire.Free(b.take())
	}
}

// take empties the Buffer and returns its memory.
func (b *Buffer) take() []byte {
	memory := b.memory
	b.Data, b.memory = nil, nil
	return memory
}

// DecodeBuffer is a DecodeRequestFunc and a DecodeResponseFunc: the body, not copied,
// as a *Buffer. On a client it is the caller's to Release; on a server the
// endpoint's, unless it returns it to EncodeResponseBuffer.
func DecodeBuffer(_ context.Context, m *Message) (any, error) {
	b := &Buffer{Data: m.Body, memory: m.frame}
	m.frame = nil // not the message's any more
	return b, nil
}

// EncodeBuffer is an EncodeRequestFunc for values of type *Buffer, which stay the
// caller's: leave Data unchanged until the call ended.
func EncodeBuffer(_ context.Context, m *Message, value any) error {
	b, err := asBuffer("EncodeBuffer", value)
	if err != nil {
		return err
	}
	m.Body = b.Data
	return nil
}

// EncodeResponseBuffer is an EncodeResponseFunc for values of type *Buffer, which it
// takes over: when the answer is made, it is released. An endpoint may return the
// Buffer that it was called with.
func EncodeResponseBuffer(_ context.Context, m *Message, value any) error {
	b, err := asBuffer("EncodeResponseBuffer", value)
	if err != nil {
		return err
	}
	m.Body = b.Data
	m.frame = b.take()
	m.ReleaseBody()
	return nil
}

func asBuffer(codec string, value any) (*Buffer, error) {
	b, ok := value.(*Buffer)
	if !ok {
		return nil, fmt.Errorf("transport: %s got a %T, not a *Buffer", codec, value)
	}
	if b == nil {
		return nil, fmt.Errorf("transport: %s got a nil *Buffer", codec)
	}
	return b, nil
}
