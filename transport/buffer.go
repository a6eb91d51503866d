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
// A literal is a Buffer too, of memory that is never used again and that the codecs
// only read: &Buffer{Data: b}.
type Buffer struct {
	Data []byte

	memory []byte // what Data lies in, as it came from wire.Alloc; nil: not to be used again
}

// released is the memory of a Buffer that has given its own away.
var released = []byte{}

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

// take empties a Buffer whose memory may be used again, and returns that.
func (b *Buffer) take() []byte {
	memory := b.memory
	if memory != nil {
		b.Data, b.memory = nil, released
	}
	return memory
}

// DecodeBuffer is a DecodeRequestFunc and a DecodeResponseFunc: the body, not copied,
// as a *Buffer. On a client it is the caller's to Release; on a server the
// endpoint's, unless it returns it to EncodeResponseBuffer.
func DecodeBuffer(_ context.Context, m *Message) (any, error) {
	b := &Buffer{Data: m.Body}
	if cap(m.frame) > 0 {
		b.memory = m.frame
	}
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
// Buffer that it was called with, and a literal as often as it likes.
func EncodeResponseBuffer(_ context.Context, m *Message, value any) error {
	b, err := asBuffer("EncodeResponseBuffer", value)
	if err != nil {
		return err
	}
	m.Body = b.Data
	m.frame = b.take()
	m.ReleaseBody() // after the answer
	return nil
}

func asBuffer(codec string, value any) (*Buffer, error) {
	b, ok := value.(*Buffer)
	if !ok {
		return nil, fmt.Errorf("transport: %s got a %T, not a *Buffer", codec, value)
	}
	switch {
	case b == nil:
		return nil, fmt.Errorf("transport: %s got a nil *Buffer", codec)
	case b.memory != nil && cap(b.memory) == 0:
		return nil, fmt.Errorf("transport: %s got a *Buffer that was released, or was an answer already", codec)
	}
	return b, nil
}
