package wire

import (
	"io"
)

// reserve makes the buffer large enough for n bytes.
func (r *Reader) reserve(n int) error {
	if n <= len(r.buf) {
		return nil
	}
	size := max(n, minReadBuffer)
	if len(r.buf) >= minReadBuffer && n < 2*len(r.buf) {
		size = 2 * len(r.buf) // a parser that looks ever further must not copy each time
	}
	if r.over = r.hold(size); r.over != nil {
		return r.over
	}
	r.resize(size)
	return nil
}

// hold asks the budget for a buffer of size, of which a small part is every
// connection's own.
func (r *Reader) hold(size int) error {
	if more := size - minReadBuffer - r.held; r.budget != nil && more > 0 {
		if err := r.budget.Hold(more); err != nil {
			return err
		}
		r.held += more
	}
	return nil
}

// resize makes the buffer one of size, for which there is budget.
func (r *Reader) resize(size int) {
	if less := r.held - max(size-minReadBuffer, 0); r.budget != nil && less > 0 {
		r.budget.Release(less)
		r.held -= less
	}
	buf := make([]byte, size)
	r.w = copy(buf, r.buf[r.r:r.w])
	r.r, r.buf = 0, buf
}

// fill reads ahead once, at least one byte.
func (r *Reader) fill() error {
	if r.held > 0 && r.r == r.w && r.budget.Tight() {
		r.resize(minReadBuffer)
	}
	if r.buf == nil { // a connection may never be used
		r.buf = make([]byte, idleReadBuffer)
	} else if err := r.reserve(minReadBuffer); err != nil {
		return err
	}
	switch {
	case r.r == r.w:
		r.r, r.w = 0, 0
	case r.r > 0:
		r.w = copy(r.buf, r.buf[r.r:r.w])
		r.r = 0
	}
	for empty := 0; empty < maxEmptyReads; {
		end := len(r.buf)
		if r.direct > 0 {
			end = min(end, r.w+directAhead)
		}
		n, err := r.src.Read(r.buf[r.w:end])
		r.w += n
		switch {
		case n > 0:
			r.adapt(n, end)
			return nil // an error with data comes again with the next read
		case err == errShrink:
			r.Shrink()
		case err != nil:
			return err
		default:
			empty++
		}
	}
	return io.ErrNoProgress
}

// Shrink leaves as small a buffer as will do for what is in it. What Peek returned
// is not valid any more.
func (r *Reader) Shrink() {
	small := minReadBuffer
	if r.w == r.r {
		small = idleReadBuffer
	}
	if r.w-r.r < small && small < len(r.buf) {
		r.resize(small)
	}
}

// adapt grows the buffer after a read that filled it and shrinks it after many
// that left most of it unused.
func (r *Reader) adapt(n, end int) {
	size := len(r.buf)
	switch {
	case end < size:
	case r.w == size && size < maxReadBuffer:
		if (r.budget == nil || !r.budget.Tight()) && r.hold(2*size) == nil {
			r.resize(2 * size)
		}
		r.sparse = 0
	case n >= size/4 || size == minReadBuffer:
		r.sparse = 0
	default:
		if r.sparse++; r.sparse >= shrinkAfter && r.w <= size/2 {
			r.resize(max(size/2, minReadBuffer))
			r.sparse = 0
		}
	}
}
