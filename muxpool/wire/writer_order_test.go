package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"

	"github.com/muxkit/muxkit/internal/bounded"
)

// placedFrame is where a writer was told that its frame is.
type placedFrame struct{ writer, seq uint32 }

// The frames of many goroutines, of all sizes, copied and owned, come whole and
// in each goroutine's order, and each at the offset that its Write returned.
func TestWriterOrder(t *testing.T) {
	bounds := map[string]WriterConfig{
		"wide":   {MaxFrames: 1 << 20, MaxBytes: 1 << 30},
		"frames": {MaxFrames: 3},
		"bytes":  {MaxBytes: 5000},
	}
	for _, transport := range transports {
		for bound, cfg := range bounds {
			for _, inFlight := range []int32{0, 16} {
				t.Run(fmt.Sprint(transport, "/", bound, "/", inFlight), func(t *testing.T) {
					a, b := pair(t, transport)
					w := NewWriter(a, cfg)
					w.InFlight.Store(inFlight)
					placed, err := manyWriters(t, w, b)
					if err != nil {
						t.Fatal(err)
					}
					checkIdle(t, w)
					checkPlaces(t, w, placed)
				})
			}
		}
	}
}

// orderSizes has sizes at the borders of what is copied, and of the classes.
var orderSizes = []int{frameHead, 13, 100, 128, 129, 1000, refMin - 1, refMin, refMin + 1, 9000, 40000, 1 << 16, 70000}

// manyWriters writes from 16 goroutines and reads from b what they wrote. It
// returns the offsets that the writers were told.
func manyWriters(t *testing.T, w *Writer, b io.Reader) (placed map[uint64]placedFrame, err error) {
	const writers, frames = 16, 15
	var mu sync.Mutex
	placed = map[uint64]placedFrame{}
	var wg sync.WaitGroup
	errs := make([]error, writers)
	for i := range writers {
		wg.Go(func() {
			var scratch []byte
			for seq := range frames {
				size := orderSizes[(i*7+seq*5)%len(orderSizes)]
				scratch = appendFrame(scratch[:0], uint32(i), uint32(seq), size)
				offset, err := writeSomehow(t, w, scratch, i+seq)
				if err != nil {
					errs[i] = err
					return
				}
				clear(scratch) // Write has its copy
				mu.Lock()
				placed[offset] = placedFrame{uint32(i), uint32(seq)}
				mu.Unlock()
			}
		})
	}
	err = inOrderAt(b, writers*frames, placed, &mu, wg.Wait)
	return placed, errors.Join(append(errs, err)...)
}

// writeSomehow queues a frame in one of the four ways.
func writeSomehow(t *testing.T, w *Writer, frame []byte, way int) (offset uint64, err error) {
	done := t.Context().Done()
	switch way % 4 {
	case 0:
		return w.Write(done, frame)
	case 1:
		return w.WriteOwned(done, own(frame))
	}
	owned := way%4 == 2
	var mark Mark
	if owned {
		frame = own(frame)
	}
	for {
		offset, err := w.TryMark(frame, owned, &mark, 0)
		if err != ErrQueueFull {
			if at, ok := mark.Offset(); err == nil && (!ok || at != offset) {
				err = fmt.Errorf("mark %d, %v; offset %d", at, ok, offset)
			}
			return offset, err
		}
		turn := w.LineUp(len(frame))
		bounded.Receive(t, turn.Ready())
		turn.Leave()
	}
}

// inOrderAt is inOrder that also compares where each frame is in the stream with
// placed, once settled has returned.
func inOrderAt(r io.Reader, n int, placed map[uint64]placedFrame, mu *sync.Mutex, settled func()) error {
	next := map[uint32]uint32{}
	found := map[uint64]placedFrame{}
	offset := uint64(0)
	buf := make([]byte, 1<<17)
	for i := range n {
		b, err := readFrame(r, buf)
		if err != nil {
			return fmt.Errorf("frame %d of %d: %w", i, n, err)
		}
		writer, seq, err := checkFrame(b)
		if err != nil || seq != next[writer] {
			return fmt.Errorf("frame %d of %d: %d of writer %d, want %d: %w", i, n, seq, writer, next[writer], err)
		}
		next[writer]++
		found[offset] = placedFrame{writer, seq}
		offset += uint64(binary.BigEndian.Uint32(b))
	}
	settled()
	mu.Lock()
	defer mu.Unlock()
	for offset, f := range found {
		if placed[offset] != f {
			return fmt.Errorf("at %d: frame %d/%d; its writer was told of another", offset, f.writer, f.seq)
		}
	}
	return nil
}

// checkPlaces asks a Writer that has sent everything about each offset.
func checkPlaces(t *testing.T, w *Writer, placed map[uint64]placedFrame) {
	for offset := range placed {
		if sent, _, err := w.Sent(offset); !sent || err != nil || !w.MaybeSent(offset) {
			t.Errorf("offset %d: sent %v, %v; maybe %v", offset, sent, err, w.MaybeSent(offset))
		}
	}
	if w.MaybeSent(w.end) {
		t.Errorf("offset %d, behind the end, may have been sent", w.end)
	}
}
