package wire

import (
	"fmt"
	"testing"
)

// While nobody writes, a queue is not full: who finds it so, behind a reader that
// is busy or a leader that gathers, writes what is there. Small or large, copied
// or owned.
func TestFullQueueIsWritten(t *testing.T) {
	for _, behind := range []string{"reader", "leader"} {
		for _, size := range []int{100, 2 * refMin} {
			for _, owned := range []bool{false, true} {
				t.Run(fmt.Sprint(behind, "/", size, "/", owned), func(t *testing.T) {
					a, b := pair(t, "unix")
					w := NewWriter(a, WriterConfig{MaxFrames: 2})
					w.InFlight.Store(2)
					src := w.NewSource()
					if behind == "reader" {
						busy(t, src, b)
					} else {
						w.gathering = true
					}
					const frames = 7
					for i := range uint32(frames) {
						frame := own(appendFrame(nil, 1, i, size))
						if _, err := w.TryMark(frame, owned, nil, 0); err != nil {
							t.Errorf("frame %d: %v", i, err)
							return
						}
					}
					if behind == "reader" {
						src.Flush()
					} else {
						w.lead(true)
					}
					if err := inOrder(b, frames, size); err != nil {
						t.Error(err)
					}
					checkIdle(t, w)
				})
			}
		}
	}
}

// A batch of a few large frames is copied into one piece, and one write writes it
// without a flusher; a larger one is not.
func TestFlatten(t *testing.T) {
	a, b := packets(t)
	w := NewWriter(a, WriterConfig{})
	sizes := []int{100, refMin, 50, 20, 2 * refMin, refMin + 1, 13}
	for range 3 {
		w.mu.Lock()
		w.writing = true
		w.mu.Unlock()
		var want []byte
		for i, size := range sizes {
			frame := appendFrame(nil, 1, uint32(i), size)
			want = append(want, frame...)
			write(t, w, frame)
		}
		w.writeOnce()
		w.mu.Lock()
		if w.writing || w.sent != w.end {
			t.Errorf("a small batch was not written at once")
		}
		w.mu.Unlock()
		if got := packet(t, b); got != string(want) {
			t.Errorf("one write wrote %d bytes, not the %d of the batch in their order", len(got), len(want))
		}
		if w.Shrink(); w.flat != nil {
			t.Errorf("%d bytes are kept for the next", cap(w.flat))
		}
	}
}
