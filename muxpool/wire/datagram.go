package wire

import (
	"fmt"
	"io"
)

// DatagramReader is the FrameReader of one datagram at a time.
type DatagramReader struct {
	whole []byte
	b     []byte // what is left of it
	limit int
}

// NewDatagramReader returns a DatagramReader that refuses frames over limit
// bytes; 0 means no limit.
func NewDatagramReader(limit int) *DatagramReader { return &DatagramReader{limit: limit} }

// Reset makes b the datagram to read. b must stay as it is until the next Reset.
func (r *DatagramReader) Reset(b []byte) { r.whole, r.b = b, b }

// Holds reports whether b lies in the datagram.
func (r *DatagramReader) Holds(b []byte) bool { return within(b, r.whole) }

// Read implements io.Reader.
func (r *DatagramReader) Read(p []byte) (int, error) {
	if len(r.b) == 0 && len(p) > 0 {
		return 0, io.EOF
	}
	n := copy(p, r.b)
	r.b = r.b[n:]
	return n, nil
}

// Peek implements FrameReader.
func (r *DatagramReader) Peek(n int) ([]byte, error) {
	switch {
	case n < 0:
		return nil, fmt.Errorf("%w: length %d", ErrFrameTooLarge, n)
	case n <= len(r.b):
		return r.b[:n], nil
	case len(r.b) == 0:
		return nil, io.EOF
	default:
		return r.b, io.ErrUnexpectedEOF
	}
}

// Discard implements FrameReader.
func (r *DatagramReader) Discard(n int) (int, error) {
	if n < 0 {
		return 0, fmt.Errorf("%w: length %d", ErrFrameTooLarge, n)
	}
	k := min(n, len(r.b))
	r.b = r.b[k:]
	if k < n {
		return k, io.ErrUnexpectedEOF
	}
	return k, nil
}

// Alloc implements FrameReader. A datagram that claims more than it holds gets
// no memory for it.
func (r *DatagramReader) Alloc(n int) ([]byte, error) {
	switch {
	case n < 0 || r.limit > 0 && n > r.limit:
		return nil, fmt.Errorf("%w: length %d, at most %d are allowed", ErrFrameTooLarge, n, r.limit)
	case n > maxDatagramAlloc:
		return nil, fmt.Errorf("%w: length %d in a datagram", ErrFrameTooLarge, n)
	}
	return Alloc(n), nil
}

// maxDatagramAlloc is more than any datagram holds.
const maxDatagramAlloc = 64 << 10
