package transport

import (
	"bytes"
	"errors"
	"io"

	"github.com/muxkit/muxkit/muxpool"
)

// AsFrameReader is for Parse functions that look ahead: it returns r itself if it is a
// muxpool.FrameReader, as that of a pool or a Service is, else one that reads from r and
// not a byte more than it is asked for. Nothing bounds a frame from the latter.
func AsFrameReader(r io.Reader) muxpool.FrameReader {
	if fr, ok := r.(muxpool.FrameReader); ok {
		return fr
	}
	return &plainReader{src: r}
}

// plainReader is the FrameReader of a plain reader, for one frame.
type plainReader struct {
	src  io.Reader
	held []byte // looked at, not consumed
}

// Peek implements muxpool.FrameReader.
func (p *plainReader) Peek(n int) ([]byte, error) {
	if more := n - len(p.held); more > 0 {
		b := bytes.NewBuffer(p.held)
		_, err := io.CopyN(b, p.src, int64(more))
		p.held = b.Bytes()
		if err == io.EOF && len(p.held) > 0 {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return p.held, err
		}
	}
	return p.held[:n:n], nil
}

// Discard implements muxpool.FrameReader.
func (p *plainReader) Discard(n int) (int, error) {
	if _, err := p.Peek(n); err != nil {
		return 0, err
	}
	p.held = p.held[n:]
	return n, nil
}

// Read implements io.Reader.
func (p *plainReader) Read(b []byte) (int, error) {
	if len(p.held) == 0 {
		return p.src.Read(b)
	}
	n := copy(b, p.held)
	p.held = p.held[n:]
	return n, nil
}

// Take returns the next n bytes, in memory that grows as they come.
func (p *plainReader) Take(n int) ([]byte, error) {
	b, err := p.Peek(n)
	if err == nil {
		p.held = p.held[n:]
	}
	return b, err
}

// Alloc implements muxpool.FrameReader.
func (p *plainReader) Alloc(n int) ([]byte, error) {
	if n < 0 {
		return nil, errors.New("transport: a frame of less than no bytes")
	}
	return make([]byte, n), nil
}
