package wire

import (
	"slices"
	"sync/atomic"
	"testing"

	"github.com/muxkit/muxkit/internal/bounded"
)

// A large buffer is kept for the next batch if a quarter of it was used.
func TestBatchKeepsMemoryThatIsUsed(t *testing.T) {
	const quarter = keepBatch / 4
	for _, row := range []struct {
		size, used int
		kept       bool
	}{
		{keepBatch, 0, true}, {keepBatch + 1, 0, false}, {keepBatch + 4, quarter, false},
		{keepBatch + 4, quarter + 1, true}, {keepBatch + 5, quarter + 1, false},
	} {
		b := batch{buf: make([]byte, row.used, row.size)}
		if b.reset(); (cap(b.buf) == row.size) != row.kept || len(b.buf) != 0 {
			t.Errorf("%d bytes of %d were used: kept are %d, want them kept: %v", row.used, row.size, cap(b.buf), row.kept)
		}
	}
}

// A batch that was written, or copied into one piece, holds no frame any more, also not in
// memory that the next uses.
func TestBatchLetsGoOfItsFrames(t *testing.T) {
	for name, end := range map[string]func(*batch){
		"written": (*batch).reset, "in one piece": func(b *batch) { b.flatten(nil) },
	} {
		var b batch
		b.copy([]byte("small"))
		for range 3 {
			b.reference(own(make([]byte, refMin)))
		}
		refs := b.refs
		end(&b)
		for i, r := range refs {
			if r.b != nil {
				t.Errorf("%s: frame %d is held", name, i)
			}
		}
	}
}

// goroutines are those of a Writer.
type goroutines struct{ begun, ended atomic.Int64 }

func (g *goroutines) Begin() { g.begun.Add(1) }
func (g *goroutines) End()   { g.ended.Add(1) }

// What the kernel takes at once needs no flusher: small frames, and large ones as long as all of
// them are copied into one piece.
func TestWhichBatchesNeedAFlusher(t *testing.T) {
	for _, row := range []struct {
		sizes    []int
		flushers int64
	}{
		{[]int{100}, 0}, {[]int{100, 200, 300}, 0}, {[]int{2 * refMin}, 0}, {[]int{100, 2 * refMin, 100}, 0},
		{[]int{flattenMax}, 0}, {[]int{100, flattenMax - 100}, 0}, {[]int{flattenMax + 1}, 1}, {[]int{101, flattenMax - 100}, 1},
		{slices.Repeat([]int{refMin - 1}, 9), 0}, {slices.Repeat([]int{refMin}, 9), 1},
	} {
		a, b := pair(t, "unix")
		var g goroutines
		w := NewWriter(a, WriterConfig{Flushers: &g})
		w.mu.Lock()
		w.writing = true
		w.mu.Unlock()
		for i, size := range row.sizes {
			write(t, w, appendFrame(nil, 1, uint32(i), size))
		}
		w.writeOnce()
		if n := g.begun.Load(); n != row.flushers {
			t.Errorf("frames of %v bytes: %d flushers, want %d", row.sizes, n, row.flushers)
		}
		if err := inOrder(b, len(row.sizes), flattenMax+1); err != nil {
			t.Errorf("frames of %v bytes: %v", row.sizes, err)
		}
		checkIdle(t, w)
	}
}

// Nor does the memory that is kept to write the next one.
func TestWriterLetsGoOfWhatItHasWritten(t *testing.T) {
	const frames, size = 5, 2 * refMinPlain
	for _, transport := range transports {
		a, b := pair(t, transport)
		w := NewWriter(a, WriterConfig{})
		read := make(chan error, 1)
		go func() { read <- inOrder(b, frames, size) }()
		held(t, w, frames, size)()
		if err := bounded.Receive(t, read); err != nil {
			t.Errorf("%s: %v", transport, err)
		}
		checkIdle(t, w)
		w.mu.Lock()
		vec, rest := w.spare.vec[:cap(w.spare.vec)], w.rest
		w.mu.Unlock()
		for i, p := range vec {
			if p != nil {
				t.Errorf("%s: %d bytes of piece %d are held", transport, len(p), i)
			}
		}
		if len(vec) < frames || rest != nil {
			t.Errorf("%s: %d pieces, and %d are yet to be written", transport, len(vec), len(rest))
		}
	}
}

// The memory of both batches, of which one is written while the other is filled, is given back by a
// Shrink.
func TestShrinkGivesBothBatchesBack(t *testing.T) {
	w := NewWriter(discard{}, WriterConfig{})
	setWriting(w, true) // as a flusher has it
	write(t, w, make([]byte, 1000))
	for round := range 4 {
		if !w.take() {
			t.Fatal("nothing to write")
		}
		if round < 3 { // one comes meanwhile
			write(t, w, make([]byte, 1000))
		}
		if err := w.writeActive(); err != nil {
			t.Fatal(err)
		}
		w.finish(true)
	}
	if cap(w.pending.buf) == 0 || cap(w.spare.buf) == 0 {
		t.Fatalf("memory of %d and %d bytes", cap(w.pending.buf), cap(w.spare.buf))
	}
	if w.Shrink(); cap(w.pending.buf)+cap(w.spare.buf) != 0 {
		t.Errorf("%d and %d bytes are kept", cap(w.pending.buf), cap(w.spare.buf))
	}
}
