package wire

import (
	"errors"
	"io"
	"testing"

	"github.com/muxkit/muxkit/internal/bounded"
)

// TestShrinkWhileTLSWrites: a record that TLS makes by itself, as when the peer asks for new keys, is written also if
// memory is given back at just this moment.
func TestShrinkWhileTLSWrites(t *testing.T) {
	a, b := pair(t, "tls")
	w := NewWriter(a, WriterConfig{})
	if w.raw == nil {
		t.Skip("nothing is written without waiting here")
	}
	go func() { _, _ = io.Copy(io.Discard, Bare(b)) }()
	for i := range 5000 {
		bounded.AtOnce(t, w.Shrink, func() {
			if _, err := w.records.Write([]byte{0}); err != nil {
				t.Fatal(err)
			}
		})
		if n := w.records.waiting.Load(); n != 0 {
			w.Close(errors.New("the test is over")) // or the flusher would go on
			t.Fatalf("%d bytes are neither written nor there to be, the %d. time", n, i)
		}
	}
}
