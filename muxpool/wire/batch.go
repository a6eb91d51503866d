package wire

import "net"

const (
	// refMin is the frame size from which on a frame is sent by reference:
	// below, copying it into the batch is cheaper than one more iovec.
	refMin = 4 << 10
	// refMinPlain is refMin where each piece of a batch is a write of its own, or
	// a record of TLS.
	refMinPlain = 32 << 10
	// flattenMax is the size up to which a batch with references is copied into
	// one piece, for the leader to write without blocking: cheaper than a flusher.
	flattenMax = 32 << 10
	// keepBatch is the largest batch buffer that is always kept for the next batch. A
	// larger one is kept if a quarter of it was used; while idle, none (see Shrink).
	keepBatch = 256 << 10
)

// batch is what one flush hands to the kernel: frames in order, small ones
// copied into buf, large ones by reference.
type batch struct {
	buf    []byte
	refs   []ref
	vec    net.Buffers // memory for vector
	frames int
	size   int // bytes, of buf and refs
}

// ref is a large frame that belongs to the batch. It goes out after buf[:at].
type ref struct {
	at int
	b  []byte
}

func (b *batch) copy(frame []byte) {
	b.buf = append(b.buf, frame...)
	b.frames++
	b.size += len(frame)
}

func (b *batch) reference(frame []byte) {
	b.refs = append(b.refs, ref{len(b.buf), frame})
	b.frames++
	b.size += len(frame)
}

// flatten copies the referenced frames to their places in buf, which has the
// memory of spare to grow into, and returns the memory that is left over.
func (b *batch) flatten(spare []byte) []byte {
	flat, at := spare[:0], 0
	for i, r := range b.refs {
		flat = append(append(flat, b.buf[at:r.at]...), r.b...)
		at = r.at
		Free(r.b)
		b.refs[i].b = nil
	}
	flat = append(flat, b.buf[at:]...)
	b.refs = b.refs[:0]
	spare, b.buf = b.buf, flat
	return spare
}

// vector appends the batch's bytes to v, less the first skip of them.
func (b *batch) vector(v net.Buffers, skip int) net.Buffers {
	add := func(p []byte) {
		if skip >= len(p) {
			skip -= len(p)
			return
		}
		v = append(v, p[skip:])
		skip = 0
	}
	at := 0
	for _, r := range b.refs {
		add(b.buf[at:r.at])
		add(r.b)
		at = r.at
	}
	add(b.buf[at:])
	return v
}

// reset frees the referenced frames and empties the batch for reuse.
func (b *batch) reset() {
	for i := range b.refs {
		Free(b.refs[i].b)
		b.refs[i].b = nil
	}
	b.refs = b.refs[:0]
	if cap(b.buf) > max(keepBatch, 4*len(b.buf)) {
		b.buf = nil
	}
	b.buf = b.buf[:0]
	b.frames, b.size = 0, 0
}
