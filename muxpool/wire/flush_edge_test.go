package wire

import (
	"errors"
	"io"
	"net"
	"testing"

	"github.com/muxkit/muxkit/internal/bounded"
)

// idle is a connection of a user's own that takes nothing, and says nothing of it.
type idle struct{ net.Conn }

func (idle) Write([]byte) (int, error) { return 0, nil }

// TestWritesThatTakeNothing: a write that takes nothing without an error would be made for ever.
func TestWritesThatTakeNothing(t *testing.T) {
	p, q := net.Pipe()
	defer p.Close()
	defer q.Close()
	failed := make(chan error, 1)
	w := NewWriter(idle{p}, WriterConfig{OnError: func(err error) { failed <- err }})
	if _, err := w.TryWrite([]byte("frame")); err != nil {
		t.Fatal(err)
	}
	if err := bounded.Receive(t, failed); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("%v", err)
	}
}
