//go:build !muxguard

package transport

import (
	"context"
	"testing"

	"github.com/muxkit/muxkit/muxpool/wire"
)

// The memory of a frame is used again if the codec has said that it may be, and else
// never: what was decoded may refer to it. (The tag muxguard keeps what is given back.)
func TestMemoryIsUsedAgainOnlyIfTheCodecAllowsIt(t *testing.T) {
	const size = 3000
	for name, allowed := range map[string]bool{"allowed": true, "not allowed": false} {
		again := 0
		for range 100 { // a sync.Pool may lose what it has
			frame := wire.Alloc(size)
			m := newMessage()
			m.frame, m.Body = frame, frame
			if allowed {
				m.ReleaseBody()
			}
			m.recycle()
			if m.frame != nil || (m.Body == nil) != allowed {
				t.Errorf("%s: the Message has a frame of %d bytes, a body of %d", name, len(m.frame), len(m.Body))
			}
			other := wire.Alloc(size)
			if &other[0] == &frame[0] {
				again++
			}
		}
		if (again > 0) != allowed {
			t.Errorf("%s: memory is used again %d times of 100", name, again)
		}
	}
}

// What AllocBody gave is used again once the frame was made, whatever Body is by then.
func TestAllocBodyIsUsedAgain(t *testing.T) {
	again := 0
	for range 100 { // a sync.Pool may lose what it has
		m := newMessage()
		body := m.AllocBody(3000)
		m.Body = []byte("another")
		m.free()
		if other := wire.Alloc(3000); &other[0] == &body[0] {
			again++
		}
	}
	if again == 0 {
		t.Error("memory is never used again")
	}
}

// What the ready codecs return does not refer to the body, which is used again; a Buffer lies in it, and
// has it until it is released, whatever else is said of the Message.
func TestReadyCodecsAllowIt(t *testing.T) {
	again := func(m *Message, frame []byte) bool {
		m.recycle()
		other := wire.Alloc(len(frame))
		return &other[0] == &frame[0]
	}
	for name, dec := range map[string]DecodeRequestFunc{
		"DecodeBytes": DecodeBytes, "DecodeJSON": DecodeJSON[int], "NopRequestDecoder": NopRequestDecoder, "DecodeBuffer": DecodeBuffer,
	} {
		used, usedLater := 0, 0
		for range 100 { // a sync.Pool may lose what it has
			frame := wire.Alloc(3000)
			m := &Message{frame: frame, Body: frame[:copy(frame, "7")]}
			got, err := dec(context.Background(), m)
			if err != nil {
				t.Fatal(err)
			}
			b, isBuffer := got.(*Buffer)
			if isBuffer {
				m.ReleaseBody()
			}
			if again(m, frame) {
				used++
			}
			if !isBuffer {
				continue
			}
			if string(b.Data) != "7" {
				t.Errorf("%s: its Data have become %q", name, b.Data)
			}
			if b.Release(); again(m, frame) {
				usedLater++
			}
		}
		if isBuffer := name == "DecodeBuffer"; (used > 0) == isBuffer || (usedLater > 0) != isBuffer {
			t.Errorf("%s: memory is used again %d times of 100, and %d times once it was released", name, used, usedLater)
		}
	}
}
