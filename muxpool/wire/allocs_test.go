package wire

import (
	"fmt"
	"io"
	"runtime/debug"
	"testing"
)

// allocates returns how many times f allocates, on average. A garbage collection
// would empty the pools, so there is none.
func allocates(t *testing.T, runs int, f func()) float64 {
	t.Helper()
	if raceDetector {
		t.Skip("sync.Pool drops what it is given at random under the race detector")
	}
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	for range 10 {
		f()
	}
	return testing.AllocsPerRun(runs, f)
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
						if _, err := w.TryMark(frame, false, &mark); err != nil {
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
	for _, size := range []int{frameHead, 128, 4096, 5000, directRead, 1 << 16, 1 << maxClass} {
		r := NewReader(&frames{frame: appendFrame(nil, 1, 1, size)}, size)
		n := allocates(t, 200, func() {
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
