package jsonrpc

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/wire"
	"github.com/muxkit/muxkit/transport"
)

// window is how many bytes of a frame are looked at before they are moved, in
// bytes: it bounds what the reader has to buffer.
const window = 4096

// broken is why the bytes of a peer end its connection: what it is told, if it can be.
type broken struct {
	number int    // of the error object
	id     []byte // of what was too large, if it had come; else nil
	err    error
}

func (b *broken) Error() string { return b.err.Error() }
func (b *broken) Unwrap() error { return b.err }

func noJSON(err error) error { return &broken{number: numberNoJSON, err: err} }

// longestLastID is how long the id may be that last words are said to, in bytes: it could be
// nearly as long as the text that is too large.
const longestLastID = 256

// tooLarge is the error of a text over the limit, which begins so.
func tooLarge(begin []byte, err error) error {
	b := &broken{number: numberNoRequest, err: fmt.Errorf("jsonrpc: a text that does not end within the limit: %w", err)}
	if e := open(begin); e.id != nil && len(e.id) <= longestLastID && isID(e.id) && !e.isAnswer() {
		b.id = append(b.id, e.id...)
	}
	return b
}

// readText reads one JSON array or object and not a byte more.
func readText(r io.Reader) ([]byte, error) {
	fr := transport.AsFrameReader(r)
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
		switch {
		case err == io.EOF:
			return nil, io.ErrUnexpectedEOF
		case errors.Is(err, wire.ErrFrameTooLarge):
			return nil, tooLarge(frame, err)
		case err != nil:
			return nil, err
		}
		end, err := scan.next(b[seen])
		if err != nil {
			return nil, noJSON(err)
		}
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

// skipSpace goes to the first byte of an array or object.
func skipSpace(fr muxpool.FrameReader) error {
	for {
		b, err := fr.Peek(1)
		if err != nil {
			return err
		}
		switch {
		case b[0] == '{' || b[0] == '[':
			return nil
		case !isSpace(b[0]):
			return noJSON(fmt.Errorf("jsonrpc: a frame that starts with %q is no JSON object or array", b[0]))
		}
		if _, err := fr.Discard(1); err != nil {
			return err
		}
	}
}

// check reports what is wrong with a whole text.
func check(text []byte) error {
	if json.Valid(text) {
		return nil
	}
	var v json.RawMessage
	return noJSON(fmt.Errorf("jsonrpc: %w", json.Unmarshal(text, &v)))
}
