package wire

import (
	"io"
	"sync"
	"testing"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
)

// Two peers queue far more than the kernel takes, before either reads a byte: a
// caller that blocked in its write would never get to start the readers.
func TestFloodBeforeAnybodyReads(t *testing.T) {
	for _, transport := range transports {
		for _, size := range []int{1000, 3 * refMin} {
			t.Run(transport, func(t *testing.T) {
				a, b := pair(t, transport)
				small(t, a, b)
				const frames = 400
				cfg := WriterConfig{MaxBytes: 1 << 30, Timeout: time.Hour}
				wa, wb := NewWriter(a, cfg), NewWriter(b, cfg)
				wa.InFlight.Store(2)
				bounded.Wait(t, func() {
					for i := range frames {
						write(t, wa, appendFrame(nil, 1, uint32(i), size))
						write(t, wb, appendFrame(nil, 2, uint32(i), size))
					}
				})
				var wg sync.WaitGroup
				for _, src := range []io.Reader{wa.NewSource(), wb.NewSource()} {
					wg.Go(func() {
						if err := inOrder(NewReader(src, 0), frames, size); err != nil {
							t.Error(err)
						}
					})
				}
				bounded.Wait(t, wg.Wait)
				checkIdle(t, wa)
				checkIdle(t, wb)
			})
		}
	}
}

// Both sides answer, from the goroutine that reads, each frame that they get,
// while their callers go on asking. The buffers of the kernel hold a few frames: a reader that blocked in a write would stop both sides.
func TestFloodOfAnswers(t *testing.T) {
	for _, transport := range transports {
		t.Run(transport, func(t *testing.T) {
			a, b := pair(t, transport)
			small(t, a, b)
			cfg := WriterConfig{MaxBytes: 1 << 30, MaxFrames: 1 << 20, Timeout: time.Hour}
			wa, wb := NewWriter(a, cfg), NewWriter(b, cfg)
			var wg sync.WaitGroup
			for _, w := range []*Writer{wa, wb} {
				wg.Go(func() { askMany(t, w) })
				wg.Go(func() { answerMany(t, w) })
			}
			bounded.Wait(t, wg.Wait)
			checkIdle(t, wa)
			checkIdle(t, wb)
		})
	}
}

const (
	floodAsks   = 50
	floodAskers = 4
)

// askMany writes asks from a few goroutines.
func askMany(t *testing.T, w *Writer) {
	w.InFlight.Store(floodAskers)
	var wg sync.WaitGroup
	for i := range floodAskers {
		wg.Go(func() {
			for seq := range floodAsks {
				frame := own(appendFrame(nil, uint32(i), uint32(seq), orderSizes[(i+seq)%len(orderSizes)]))
				if _, err := w.WriteOwned(t.Context().Done(), frame); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	bounded.Wait(t, wg.Wait)
}

// answerMany reads the peer's asks and answers, and answers the asks. An answer is
// the ask with the writer's number moved up.
func answerMany(t *testing.T, w *Writer) {
	src := w.NewSource()
	defer src.Flush()
	r := NewReader(src, 0)
	buf := make([]byte, 1<<17)
	next := map[uint32]uint32{}
	for range 2 * floodAskers * floodAsks {
		frame, err := readFrame(r, buf)
		if err != nil {
			t.Error(err)
			return
		}
		writer, seq, err := checkFrame(frame)
		if err != nil || seq != next[writer] {
			t.Errorf("%d of writer %d, want %d: %v", seq, writer, next[writer], err)
			return
		}
		next[writer]++
		if src.Woke(); writer >= floodAskers {
			continue
		}
		answer := own(appendFrame(nil, writer+floodAskers, seq, len(frame)))
		if _, err := w.TryWriteOwned(answer); err != nil {
			t.Errorf("answer: %v", err)
			return
		}
	}
}
