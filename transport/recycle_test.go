//go:build !muxguard

package transport

import (
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
