package wire

import (
	"fmt"
	"io"
	"net"
	"runtime/debug"
	"testing"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
)

// allocates returns how many times f allocates, on average. A garbage collection would empty
// the pools, so there is none.
func allocates(t *testing.T, runs int, f func()) float64 {
	t.Helper()
	if raceDetector {
		t.Skip("sync.Pool drops what it is given at random under the race detector")
	}
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	for range 10 {
		f()
	}
	return bounded.Allocs(runs, f)
}

// A small frame costs no allocation, whoever writes it.
func TestWriteDoesNotAllocate(t *testing.T) {
	for _, transport := range []string{"tcp", "unix"} {
		for _, inFlight := range []int32{1, 2} {
			for _, owned := range []bool{false, true} {
				t.Run(fmt.Sprint(transport, "/", inFlight, "/", owned), func(t *testing.T) {
					a, b := pair(t, transport)
					w := NewWriter(a, WriterConfig{})
					w.InFlight.Store(inFlight)
					got := make([]byte, 256)
					frame := appendFrame(nil, 1, 1, 128)
					done := t.Context().Done()
					var mark Mark
					n := allocates(t, 1000, func() {
						var err error
						if owned {
							_, err = w.WriteOwned(done, own(frame))
						} else {
							_, err = w.Write(done, frame)
						}
						if err != nil {
							t.Fatal(err)
						}
						mark.Reset()
						if _, err := w.TryMark(frame, false, &mark, 0); err != nil {
							t.Fatal(err)
						}
						if _, err := io.ReadFull(b, got); err != nil {
							t.Fatal(err)
						}
					})
					if n != 0 {
						t.Errorf("%v allocations a Write", n)
					}
				})
			}
		}
	}
}

// discard is a connection that takes everything.
type discard struct{ net.Conn } // nil: nothing else is called

func (discard) Write(p []byte) (int, error)      { return len(p), nil }
func (discard) SetWriteDeadline(time.Time) error { return nil }

// TestLargeBatchesDoNotAllocate: 1000 frames of 2000 to 3900 bytes a flush, on a connection
// where they are copied, as under TLS: the memory of the batches is used again, and given
// back when batches are small again.
func TestLargeBatchesDoNotAllocate(t *testing.T) {
	w := NewWriter(discard{}, WriterConfig{})
	flush := func(frames int) {
		w.writing = true // as the flusher has it
		for i := range frames {
			write(t, w, make([]byte, 3900)[:2000+i%1900])
		}
		if !w.take() {
			t.Fatal("nothing to write")
		}
		if err := w.writeActive(); err != nil {
			t.Fatal(err)
		}
		w.finish(true)
	}
	for range 4 {
		flush(1000)
	}
	var frame [3900]byte
	n := allocates(t, 50, func() {
		w.writing = true
		for i := range 1000 {
			write(t, w, frame[:2000+i%1900])
		}
		w.take()
		if err := w.writeActive(); err != nil {
			t.Fatal(err)
		}
		w.finish(true)
	})
	if n > 1 { // the vector of a write
		t.Errorf("%v allocations a flush", n)
	}
	flush(1)
	flush(1)
	flush(1)
	if kept := cap(w.pending.buf) + cap(w.spare.buf); kept > 2*keepBatch {
		t.Errorf("%d bytes are kept after the burst", kept)
	}
}

// Nor do the frames of callers that the reader leads.
func TestFlushDoesNotAllocate(t *testing.T) {
	a, b := pair(t, "unix")
	w := NewWriter(a, WriterConfig{})
	w.InFlight.Store(2)
	src := w.NewSource()
	frame := appendFrame(nil, 1, 1, 128)
	ask, got := []byte("?"), make([]byte, 256)
	n := allocates(t, 1000, func() {
		if _, err := b.Write(ask); err != nil {
			t.Fatal(err)
		}
		if _, err := src.Read(got); err != nil {
			t.Fatal(err)
		}
		write(t, w, frame)
		write(t, w, frame)
		src.Woke()
		src.Woke()
		src.Flush()
		if _, err := io.ReadFull(b, got); err != nil {
			t.Fatal(err)
		}
	})
	if n != 0 {
		t.Errorf("%v allocations a round", n)
	}
}

// frames gives the same frame over and over.
type frames struct {
	frame []byte
	at    int
}

func (f *frames) Read(p []byte) (n int, err error) {
	for n < len(p) {
		k := copy(p[n:], f.frame[f.at:])
		n += k
		f.at = (f.at + k) % len(f.frame)
	}
	return n, nil
}

// A frame that is read into memory from Alloc, and freed, costs no allocation.
func TestReadDoesNotAllocate(t *testing.T) {
	for _, size := range []int{frameHead, 128, 4096, 5000, directRead, 1 << 16, 1 << maxClass, 1<<maxClass + 21, 4 << 20, 9 << 20} {
		r := NewReader(&frames{frame: appendFrame(nil, 1, 1, size)}, size)
		n := allocates(t, min(200, 1+16<<20/size), func() { // of large ones fewer: a copy takes its time
			r.BeginFrame()
			frame, err := allocFrame(r)
			if err != nil || len(frame) != size {
				t.Fatal(len(frame), err)
			}
			Free(frame)
		})
		if n != 0 {
			t.Errorf("%d bytes: %v allocations a frame", size, n)
		}
	}
}

func TestDatagramDoesNotAllocate(t *testing.T) {
	r := NewDatagramReader(1 << 16)
	datagram := appendFrame(nil, 1, 1, 512)
	n := allocates(t, 200, func() {
		r.Reset(datagram)
		frame, err := allocFrame(r)
		if err != nil {
			t.Fatal(err)
		}
		Free(frame)
	})
	if n != 0 {
		t.Errorf("%v allocations a datagram", n)
	}
}
