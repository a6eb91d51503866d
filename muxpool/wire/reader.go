package wire

import (
	"fmt"
	"io"
)

// FrameReader is a buffered reader of frames, bounded per frame. A slice that
// Peek returns is valid until the next call.
type FrameReader interface {
	io.Reader
	// Peek returns the next n bytes without consuming them. With fewer than n
	// bytes left it returns them with io.EOF (none left) or io.ErrUnexpectedEOF.
	Peek(n int) ([]byte, error)
	// Discard consumes n bytes.
	Discard(n int) (int, error)
	// Alloc returns n bytes of pooled memory for a frame, or ErrFrameTooLarge,
	// before anything is allocated, if n is over the limit.
	Alloc(n int) ([]byte, error)
}

const (
	idleReadBuffer = 512       // what an idle connection holds
	minReadBuffer  = 4 << 10   // what one holds that is used
	maxReadBuffer  = 128 << 10 // what a busy one may grow to
	directRead     = 64 << 10  // from here on a body is read past the buffer
	directAhead    = 16 << 10  // what is read ahead of such a one: its header, and its beginning
	directStreak   = 8         // small reads after a large body until the buffer fills whole again
	maxEmptyReads  = 100       // reads of nothing in a row until reading fails with io.ErrNoProgress
	shrinkAfter    = 64        // reads that leave three quarters unused until the buffer halves
)

// Reader is the FrameReader of a stream. It reads ahead into a buffer that
// grows while reads fill it and shrinks when they do not, and it reads a large
// body straight into its destination: after one, it reads ahead only a little,
// so that the next body is not dragged through the buffer.
//
// It is owned by the goroutine that reads the connection.
type Reader struct {
	src  io.Reader
	buf  []byte
	r, w int // buf[r:w] is read ahead

	limit    int   // bytes one frame may take; 0: no limit
	frame    int   // bytes consumed since BeginFrame
	tooLarge error // set once the limit was hit: sticky, the stream is out of step
	direct   int   // small reads left until the buffer fills whole again
	sparse   int   // reads in a row that left most of the buffer unused

	budget Budget // nil: none
	held   int    // bytes of budget that buf has
	taken  int    // bytes of budget that the frame has which Take makes, or made last
	over   error  // why budget refused this frame more memory
	head   []byte // what Take had of a frame that it gave up
}

// NewReader returns a Reader that allows at most limit bytes a frame.
func NewReader(src io.Reader, limit int) *Reader {
	return &Reader{src: src, limit: limit}
}

// BeginFrame starts the count of the next frame's bytes.
func (r *Reader) BeginFrame() {
	r.frame = 0
	if r.taken > 0 || r.head != nil || r.over != nil {
		r.forget()
	}
}

// Consumed returns how many bytes were consumed since BeginFrame.
func (r *Reader) Consumed() int { return r.frame }

// Buffered returns how many bytes were read ahead.
func (r *Reader) Buffered() int { return r.w - r.r }

// TooLarge returns the error of a frame that went over the limit, or nil. It
// tells the cause even if the parser hid it.
func (r *Reader) TooLarge() error { return r.tooLarge }

// check refuses n more bytes behind the used ones: what a parser computes from a
// peer's lengths may be negative, or overflow a sum.
func (r *Reader) check(used, n int) error {
	switch {
	case r.over != nil:
		return r.over
	case r.tooLarge != nil:
	case n < 0:
		r.tooLarge = fmt.Errorf("%w: length %d", ErrFrameTooLarge, n)
	case r.limit > 0 && n > r.limit-used:
		r.tooLarge = fmt.Errorf("%w: %d bytes behind the first %d, at most %d are allowed", ErrFrameTooLarge, n, used, r.limit)
	}
	return r.tooLarge
}

// Read implements io.Reader.
func (r *Reader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if r.tooLarge != nil || r.over != nil {
		return 0, r.check(0, 0)
	}
	// A parser may ask for more than the frame has left (io.ReadAll does):
	// give it what the limit allows, and refuse at the first byte beyond.
	if r.limit > 0 {
		left := r.limit - r.frame
		if left <= 0 {
			return 0, r.check(r.frame, 1)
		}
		p = p[:min(len(p), left)]
	}
	if len(p) >= directRead {
		r.direct = directStreak
	} else if r.direct > 0 {
		r.direct--
	}
	if r.r == r.w {
		if len(p) >= directRead {
			n, err := r.src.Read(p)
			r.frame += n
			if err == errShrink {
				r.Shrink()
				err = nil
			}
			if n > 0 || err != nil {
				return n, err
			}
		}
		if err := r.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, r.buf[r.r:r.w])
	r.r += n
	r.frame += n
	return n, nil
}

// Peek implements FrameReader.
func (r *Reader) Peek(n int) ([]byte, error) {
	if err := r.check(r.frame, n); err != nil {
		return nil, err
	}
	return r.peek(n)
}

// peek is Peek without a limit. Its memory grows with the bytes that came.
func (r *Reader) peek(n int) ([]byte, error) {
	for r.w-r.r < n {
		if err := r.reserve(min(n, max(takeFirst, r.growth()*(r.w-r.r)))); err != nil {
			return nil, err
		}
		if err := r.fill(); err != nil {
			if err == io.EOF && r.w > r.r {
				err = io.ErrUnexpectedEOF
			}
			return r.buf[r.r:r.w:r.w], err
		}
	}
	return r.buf[r.r : r.r+n : r.r+n], nil
}

// Discard implements FrameReader.
func (r *Reader) Discard(n int) (int, error) {
	if err := r.check(r.frame, n); err != nil {
		return 0, err
	}
	done := 0
	for {
		k := min(n-done, r.w-r.r)
		r.r += k
		r.frame += k
		if done += k; done == n {
			return done, nil
		}
		if err := r.fill(); err != nil {
			return done, err
		}
	}
}

// Alloc implements FrameReader.
func (r *Reader) Alloc(n int) ([]byte, error) {
	if err := r.check(0, n); err != nil {
		return nil, err
	}
	if n > takeFirst {
		if err := r.Hold(n); err != nil {
			return nil, err
		}
	}
	return Alloc(n), nil
}
