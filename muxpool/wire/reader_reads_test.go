package wire

import "testing"

// oneByOne is a connection on which a frame of size comes when the one before it has been
// read: what a read finds is the rest of one. It counts reads.
type oneByOne struct {
	size, left int
	reads      int
}

func (o *oneByOne) Read(p []byte) (int, error) {
	if o.left == 0 {
		o.left = o.size
	}
	n := min(len(p), o.left)
	o.left -= n
	o.reads++
	return n, nil
}

// TestFrameIsReadAtOnce: header and body of one that is not large come with one read, once
// the buffer has grown to that, and are copied once; of a large one all but the beginning goes
// straight to where it stays, in as few reads as its memory grows in steps.
func TestFrameIsReadAtOnce(t *testing.T) {
	const header, frames = 16, 20
	for _, row := range []struct{ body, reads int }{
		{128, 1}, {4 << 10, 1}, {15 << 10, 1}, {16 << 10, 1}, {32 << 10, 1}, {48 << 10, 1},
		{64 << 10, 2}, {96 << 10, 2}, {256 << 10, 3}, {1 << 20, 3}, {8 << 20, 4},
	} {
		size := header + row.body
		src := &oneByOne{size: size}
		r := NewReader(src, 0)
		one := func() {
			r.BeginFrame()
			if _, err := r.Peek(header); err != nil {
				t.Fatal(err)
			}
			frame, err := r.Take(size)
			if err != nil || len(frame) != size {
				t.Fatal(len(frame), err)
			}
			Free(frame)
		}
		for range frames {
			one()
		}
		src.reads = 0
		for range frames {
			one()
		}
		if src.reads != row.reads*frames {
			t.Errorf("bodies of %d bytes: %d reads for %d frames, want %d each", row.body, src.reads, frames, row.reads)
		}
	}
}
