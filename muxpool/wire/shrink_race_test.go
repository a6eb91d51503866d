package wire

import (
	"errors"
	"io"
	"runtime"
	"sync"
	"sync/atomic"
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
		var ready, begin atomic.Bool
		var shrinks sync.WaitGroup
		shrinks.Go(func() {
			ready.Store(true)
			for spins := 0; !begin.Load(); spins++ {
				if spins > 200000 { // the processor may be the only one
					runtime.Gosched()
				}
			}
			w.Shrink()
		})
		for !ready.Load() {
			runtime.Gosched()
		}
		begin.Store(true)
		if _, err := w.records.Write([]byte{0}); err != nil {
			t.Fatal(err)
		}
		bounded.Wait(t, shrinks.Wait)
		if n := w.records.waiting.Load(); n != 0 {
			w.Close(errors.New("the test is over")) // or the flusher would go on
			t.Fatalf("%d bytes are neither written nor there to be, the %d. time", n, i)
		}
	}
}
