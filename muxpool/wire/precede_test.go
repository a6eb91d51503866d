package wire

import (
	"bytes"
	"io"
	"net"
	"sync"
	"testing"

	"github.com/muxkit/muxkit/internal/bounded"
)

// writes counts the writes on a connection that has no raw one.
type writes struct {
	net.Conn
	mu    sync.Mutex
	sizes []int
}

func (w *writes) Write(b []byte) (int, error) {
	w.mu.Lock()
	w.sizes = append(w.sizes, len(b))
	w.mu.Unlock()
	return w.Conn.Write(b)
}

// A frame that precedes the next goes out in front of it, whatever the size and the
// transport, and the offsets of frames are those in the stream.
func TestPrecede(t *testing.T) {
	for _, transport := range transports {
		for _, size := range []int{100, 2 * refMin, 2 * refMinPlain} {
			a, b := pair(t, transport)
			w := NewWriter(a, WriterConfig{})
			ahead, first := []byte("settings"), appendFrame(nil, 1, 1, size)
			w.Precede([]byte("replaced"))
			w.Precede(ahead)
			want := append(append(bytes.Clone(ahead), first...), first...)
			read := make(chan []byte, 1)
			go func() {
				got := make([]byte, len(want))
				_, _ = io.ReadFull(b, got)
				read <- got
			}()
			var m Mark
			if _, err := w.TryMark(first, false, &m, 0); err != nil {
				t.Fatal(err)
			}
			if at, ok := m.Offset(); !ok || at != uint64(len(ahead)) {
				t.Errorf("%s, %d bytes: the frame is at %d, %v", transport, size, at, ok)
			}
			write(t, w, first)
			if got := bounded.Receive(t, read); !bytes.Equal(got, want) {
				t.Errorf("%s, %d bytes: read %.40q..., want %.40q...", transport, size, got, want)
			}
			checkIdle(t, w)
		}
	}
}

// It costs no write of its own.
func TestPrecedeIsOneWrite(t *testing.T) {
	a, b := pair(t, "pipe")
	nc := &writes{Conn: a}
	w := NewWriter(nc, WriterConfig{})
	w.Precede([]byte("settings"))
	go func() { _, _ = w.TryWrite(appendFrame(nil, 1, 1, 100)) }()
	if _, err := io.ReadFull(b, make([]byte, 108)); err != nil {
		t.Fatal(err)
	}
	nc.mu.Lock()
	defer nc.mu.Unlock()
	if len(nc.sizes) != 1 || nc.sizes[0] != 108 {
		t.Errorf("writes of %v bytes, want one of 108", nc.sizes)
	}
}

// Alone it is nothing to wait for, or to write; a frame that a sealed Mark refuses
// leaves it where it is, and the end of the Writer drops it.
func TestPrecedeAlone(t *testing.T) {
	a, _ := pair(t, "unix")
	w := NewWriter(a, WriterConfig{})
	w.Precede([]byte("settings"))
	never := make(chan struct{})
	close(never)
	if err := w.WaitSent(never); err != nil {
		t.Errorf("WaitSent: %v", err)
	}
	var m Mark
	m.Seal()
	if _, err := w.TryMark([]byte("frame"), false, &m, 0); err != ErrSealed {
		t.Error(err)
	}
	if frames, size := w.Queued(); frames != 0 || size != 0 || w.end != 0 || w.ahead == nil {
		t.Errorf("%d frames of %d bytes are queued, %d ahead", frames, size, len(w.ahead))
	}
	w.Close(io.ErrClosedPipe)
	if w.Precede([]byte("late")); w.ahead != nil {
		t.Error("a Writer that has ended holds a frame")
	}
}
