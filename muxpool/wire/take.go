package wire

import (
	"errors"
	"fmt"
)

// Budget bounds the memory that frames take while they are read. Hold asks for n more
// bytes, and its error says why there are none; Release gives n back.
type Budget interface {
	Hold(n int) error
	Release(n int)
	// Tight reports whether others may want what one can do without.
	Tight() bool
}

const (
	takeFirst   = 8 << 10 // what a frame gets before more than its header came, in bytes
	takeGrowth  = 8       // how often what came its memory may be
	tightGrowth = 2       // the same, where others may want that memory
	headMax     = 64<<10 + 64
)

var errHeadGone = errors.New("muxpool: the header of the frame was consumed")

// SetBudget makes the memory of frames that are being read, and of reading ahead,
// count. It is called before the first read; Close ends it.
func (r *Reader) SetBudget(b Budget) { r.budget = b }

// Close gives back all that counts. The Reader must not be used any more.
func (r *Reader) Close() {
	r.BeginFrame()
	if r.budget != nil && r.held > 0 {
		r.budget.Release(r.held)
		r.held = 0
	}
}

// Take reads the next n bytes, a frame or the rest of one, into pooled memory that
// grows as they come: who announces much and sends little gets little.
func (r *Reader) Take(n int) ([]byte, error) {
	if err := r.check(r.frame, n); err != nil {
		return nil, err
	}
	if n >= directRead {
		r.direct = directStreak
	} else if r.direct > 0 {
		r.direct--
	}
	frame, got := []byte(nil), 0
	for size := step(max(takeFirst, r.growth()*r.Buffered()), n); ; size = step(r.growth()*size, n) {
		if err := r.count(size); err != nil && got == 0 {
			return nil, err
		} else if err != nil {
			r.head = frame[:min(got, headMax)]
			return nil, err
		}
		larger := Alloc(size)
		copy(larger, frame[:got])
		Free(frame)
		frame = larger
		if err := r.readInto(frame[got:], n); err != nil {
			Free(frame)
			return nil, err
		}
		if got = size; got == n {
			return frame, nil
		}
	}
}

// growth is how often what has come of a frame its memory may be.
func (r *Reader) growth() int {
	if r.budget != nil && r.budget.Tight() {
		return tightGrowth
	}
	return takeGrowth
}

// step is the memory, of size or of the whole frame, that is the next: a frame that is just
// over size, as a power of two with its header, is not copied for that.
func step(size, n int) int {
	if n <= size+size/8 {
		return n
	}
	return size
}

// count asks the budget for a frame of size; a small one costs nothing until it is
// complete.
func (r *Reader) count(size int) error {
	if size <= takeFirst {
		return nil
	}
	return r.Hold(size - r.taken)
}

// Hold is for a parser that gathers a frame in memory of its own: it counts n more bytes
// for that. After an error the frame cannot be read on.
func (r *Reader) Hold(n int) error {
	if r.budget == nil || n <= 0 {
		return nil
	}
	if err := r.budget.Hold(n); err != nil {
		r.over = err
		return err
	}
	r.taken += n
	return nil
}

// readInto fills p, past the buffer if it belongs to a large frame.
func (r *Reader) readInto(p []byte, frame int) error {
	for len(p) > 0 {
		n := copy(p, r.buf[r.r:r.w])
		r.r += n
		if n == 0 && frame >= directRead {
			var err error
			if n, err = r.src.Read(p); err == errShrink {
				r.Shrink()
				continue
			} else if err != nil && n == 0 {
				return err
			}
		}
		if n == 0 {
			if err := r.fill(); err != nil {
				return err
			}
		}
		r.frame += n
		p = p[n:]
	}
	return nil
}

// Taken returns how many bytes of the budget the frame has that Take returned last.
// From now on they are the caller's to Release.
func (r *Reader) Taken() int {
	n := r.taken
	r.taken = 0
	return n
}

// Holds reports whether b lies in the buffer that is read ahead into, as what Peek returns
// does.
func (r *Reader) Holds(b []byte) bool { return within(b, r.buf) }

// Own returns frame, or a copy if it lies in what r holds, which is used again: a parser
// that returns what Peek gave is not punished for it.
func Own(frame []byte, r interface{ Holds([]byte) bool }) []byte {
	if r.Holds(frame) {
		return append(Alloc(len(frame))[:0], frame...)
	}
	return frame
}

// Over returns why the budget refused memory to this frame, or nil.
func (r *Reader) Over() error { return r.over }

// forget ends the frame for BeginFrame.
func (r *Reader) forget() {
	if r.taken > 0 {
		r.budget.Release(r.taken)
	}
	r.taken, r.over, r.head = 0, nil, nil
}

// Head returns the first bytes of a frame that was refused, as many as are at hand: at
// least those that its parser has looked at. They are valid until the next call.
func (r *Reader) Head() ([]byte, error) {
	switch {
	case r.head != nil:
		return r.head, nil
	case r.frame == 0:
		return r.buf[r.r:min(r.w, r.r+headMax)], nil
	}
	return nil, errHeadGone
}

// HeadOf is Head for who can wait: n bytes, or as many as Head can give at most.
func (r *Reader) HeadOf(n int) ([]byte, error) {
	if r.head != nil || r.frame > 0 {
		return r.Head()
	}
	return r.peek(min(n, headMax))
}

// Skip passes over a frame of total bytes that was refused, or what is left of it,
// whatever the limit; then reading goes on behind it.
func (r *Reader) Skip(total int64) error {
	left := total - int64(r.frame)
	if left < 0 {
		return fmt.Errorf("%w: %d bytes consumed of a frame of %d", ErrFrameTooLarge, r.frame, total)
	}
	if r.taken > 0 {
		r.budget.Release(r.taken)
		r.taken = 0
	}
	r.tooLarge, r.over = nil, nil
	for {
		n := int(min(left, int64(r.Buffered())))
		r.r += n
		r.frame += n
		if left -= int64(n); left == 0 {
			return nil
		}
		if err := r.fill(); err != nil {
			return err
		}
	}
}
