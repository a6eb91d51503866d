package jsonrpc

import (
	"errors"
	"fmt"
	"io"

	"github.com/muxkit/muxkit/muxpool"
)

// window is how many bytes of a frame are looked at before they are moved, in
// bytes: it bounds what the reader has to buffer.
const window = 4096

// scanner finds the end of a JSON object. It only counts braces outside of
// strings; whether the JSON is right is seen when it is decoded.
type scanner struct {
	depth   int
	text    bool // inside a string
	escaped bool // after a backslash in it
}

// next takes one byte and reports whether the object ends with it.
func (s *scanner) next(b byte) (end bool) {
	switch {
	case s.escaped:
		s.escaped = false
	case s.text:
		s.escaped = b == '\\'
		s.text = b != '"'
	case b == '"':
		s.text = true
	case b == '{' || b == '[':
		s.depth++
	case b == '}' || b == ']':
		s.depth--
		return s.depth == 0
	}
	return false
}

func isSpace(b byte) bool { return b == ' ' || b == '\n' || b == '\r' || b == '\t' }

// readObject reads one JSON object and not a byte more.
func readObject(r io.Reader) ([]byte, error) {
	fr, ok := r.(muxpool.FrameReader)
	if !ok {
		fr = &plainReader{src: r}
	}
	if err := skipSpace(fr); err != nil {
		return nil, err
	}
	var (
		scan  scanner
		frame []byte
		seen  int // bytes of the window that were scanned
	)
	for {
		b, err := fr.Peek(seen + 1)
		if err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
		end := scan.next(b[seen])
		if seen++; !end && seen < window {
			continue
		}
		if end && frame == nil {
			if frame, err = fr.Alloc(seen); err != nil {
				return nil, err
			}
			copy(frame, b)
		} else {
			if frame, err = grow(fr, frame, seen); err != nil {
				return nil, err
			}
			frame = append(frame, b[:seen]...)
		}
		if _, err := fr.Discard(seen); err != nil {
			return nil, err
		}
		if end {
			return frame, nil
		}
		seen = 0
	}
}

// grow makes room for n more bytes, which counts where that matters.
func grow(fr muxpool.FrameReader, frame []byte, n int) ([]byte, error) {
	if cap(frame)-len(frame) >= n {
		return frame, nil
	}
	size := max(2*cap(frame), window)
	if h, ok := fr.(interface{ Hold(n int) error }); ok {
		if err := h.Hold(size - cap(frame)); err != nil {
			return nil, err
		}
	}
	return append(make([]byte, 0, size), frame...), nil
}

// skipSpace goes to the first byte of an object.
func skipSpace(fr muxpool.FrameReader) error {
	for {
		b, err := fr.Peek(1)
		if err != nil {
			return err
		}
		switch {
		case b[0] == '{':
			return nil
		case !isSpace(b[0]):
			return fmt.Errorf("jsonrpc: a frame that starts with %q is no JSON object", b[0])
		}
		if _, err := fr.Discard(1); err != nil {
			return err
		}
	}
}

// plainReader makes a FrameReader of a reader that is none, reading no byte ahead
// of what is asked for.
type plainReader struct {
	src  io.Reader
	held []byte
}

func (p *plainReader) Peek(n int) ([]byte, error) {
	for len(p.held) < n {
		var b [1]byte
		if _, err := io.ReadFull(p.src, b[:]); err != nil {
			if err == io.EOF && len(p.held) > 0 {
				err = io.ErrUnexpectedEOF
			}
			return p.held, err
		}
		p.held = append(p.held, b[0])
	}
	return p.held[:n], nil
}

func (p *plainReader) Discard(n int) (int, error) {
	if n > len(p.held) {
		return 0, errors.New("jsonrpc: BUG: discarding what was not looked at")
	}
	p.held = p.held[:copy(p.held, p.held[n:])]
	return n, nil
}

func (p *plainReader) Read(b []byte) (int, error) { return p.src.Read(b) }

func (p *plainReader) Alloc(n int) ([]byte, error) { return make([]byte, n), nil }
