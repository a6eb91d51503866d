package resp

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/wire"
	"github.com/muxkit/muxkit/transport"
)

const (
	maxLine     = 64 << 10 // bytes of a line that is a text, or a number with as many digits as it likes
	maxNumber   = 32       // bytes of any other
	maxDepth    = 32       // levels of a reply: 31 aggregates in each other, and what is in the last
	maxElements = 1 << 20  // of one reply, in all its aggregates
	chunk       = 32 << 10 // what a string within an aggregate gets before its bytes come
)

var (
	errDepth    = fmt.Errorf("resp: more than %d aggregates in each other", maxDepth-1)
	errElements = fmt.Errorf("resp: more than %d elements in a reply", maxElements)
	errNoEnd    = errors.New("resp: a string that does not end where it says")
)

// Parse implements muxpool.FrameParser: it cuts one reply, with all that is in it.
func (Protocol) Parse(r io.Reader) (uint32, []byte, error) {
	fr := transport.AsFrameReader(r)
	line, err := peekLine(fr)
	if err != nil {
		return 0, nil, err
	}
	h, err := parseHead(line)
	if err != nil {
		return 0, nil, err
	}
	if h.elements > 0 {
		frame, err := gather(fr)
		return 0, frame, inside(err)
	}
	size := len(line) + h.tail()
	frame, err := transport.ReadFrame(fr, len(line), func([]byte) (int, error) { return size, nil })
	if err == nil && h.bytes >= 0 && !endsLine(frame) {
		err = errNoEnd
	}
	return 0, frame, inside(err)
}

// Measure implements muxpool.Measurer: a string over the limit fails its call alone.
func (Protocol) Measure(header []byte) (vid uint32, total int64, ok bool) {
	end := bytes.IndexByte(header, '\n') + 1
	h, err := parseHead(header[:end])
	if err != nil || h.elements > 0 {
		return 0, 0, false
	}
	return 0, int64(end) + int64(h.tail()), true
}

// inside is the error of a stream that ended inside a reply.
func inside(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// endsLine reports whether b ends with a line's end.
func endsLine(b []byte) bool { return bytes.HasSuffix(b, []byte("\r\n")) }

// head is what a reply's first line says.
type head struct {
	kind     byte
	bytes    int    // of the string behind it; -1: there is none
	elements int    // behind it
	text     []byte // the line, less its kind and end
}

// tail is how many bytes of the same reply follow the line, without elements.
func (h head) tail() int {
	if h.bytes < 0 {
		return 0
	}
	return h.bytes + len("\r\n")
}

// parseHead reads a line, with its end.
func parseHead(line []byte) (h head, err error) {
	if len(line) < 3 || !endsLine(line) {
		return h, fmt.Errorf("resp: %.20q is no line of a reply", line)
	}
	h = head{kind: line[0], bytes: -1, text: line[1 : len(line)-2]}
	switch h.kind {
	case '+', '-', '(':
		if bytes.IndexByte(h.text, '\r') >= 0 {
			return h, fmt.Errorf("resp: a line with a carriage return in it: %.40q", line)
		}
		return h, nil
	case ':', '#', ',', '_':
		return h, nil // as Parse of a Value finds out
	case '$', '=', '!':
		if h.null() {
			return h, nil
		}
		n, err := length(h.text, math.MaxInt32)
		if err == nil {
			h.bytes = n
		}
		return h, err
	case '*', '~', '>', '%', '|':
		if h.null() {
			return h, nil
		}
		n, err := length(h.text, maxElements)
		if h.elements = n; h.kind == '%' || h.kind == '|' {
			h.elements = 2 * n
		}
		if h.kind == '|' {
			h.elements++ // what it is an attribute of
		}
		return h, err
	}
	return h, fmt.Errorf("resp: a reply that begins with %q: the peer speaks something else", line[:1])
}

// null reports whether the length is -1: of a string or an array, that is version 2's null.
func (h head) null() bool { return (h.kind == '$' || h.kind == '*') && string(h.text) == "-1" }

// length reads a length up to most.
func length(text []byte, most int) (n int, err error) {
	if string(text) == "?" {
		return 0, errors.New("resp: a reply that is streamed, without a length: no Redis sends it, and it is not supported")
	}
	if len(text) == 0 || len(text) > 10 {
		return 0, fmt.Errorf("resp: %.20q is no length", text)
	}
	for _, c := range text {
		if c < '0' || c > '9' {
			return 0, fmt.Errorf("resp: %.20q is no length", text)
		}
		n = 10*n + int(c-'0')
	}
	if n > most {
		if most == maxElements {
			return 0, errElements
		}
		return 0, fmt.Errorf("%w: a string of %d bytes", wire.ErrFrameTooLarge, n)
	}
	return n, nil
}

// peekLine looks at the next line, with its end. How long one may be does not depend on how it
// comes.
func peekLine(fr muxpool.FrameReader) ([]byte, error) {
	ahead, _ := fr.(interface{ Buffered() int })
	for seen := 0; ; {
		n := seen + 1
		if ahead != nil {
			n = max(n, min(ahead.Buffered(), maxLine))
		}
		b, err := fr.Peek(n)
		if err != nil {
			return nil, err
		}
		line := len(b) + 1 // at least
		if end := bytes.IndexByte(b[seen:], '\n'); end >= 0 {
			line = seen + end + 1
		}
		if err := lineFits(b, line); err != nil {
			return nil, err
		}
		if line <= len(b) {
			return b[:line:line], nil
		}
		seen = len(b)
	}
}

// lineFits refuses a line of n bytes, which begins as b, if those of its kind are shorter.
func lineFits(b []byte, n int) error {
	most := maxNumber
	switch b[0] {
	case '+', '-', '(', ',': // a long double of Redis may have thousands of digits
		most = maxLine
	}
	if n > most {
		return fmt.Errorf("resp: a line of more than %d bytes: %.20q", most, b)
	}
	return nil
}

// gather reads an aggregate, whose length only its end tells. Its memory grows with what
// comes.
func gather(fr muxpool.FrameReader) (frame []byte, err error) {
	var left [maxDepth]int // elements to come, of each aggregate that is open, from 1 on
	for depth, all := 0, 0; ; {
		line, err := peekLine(fr)
		if err != nil {
			return nil, inside(err)
		}
		h, err := parseHead(line)
		if err != nil {
			return nil, err
		}
		frame = append(frame, line...)
		_, _ = fr.Discard(len(line)) // which was looked at
		if frame, err = gatherString(fr, frame, h.tail()); err != nil {
			return nil, err
		}
		left[depth]--
		if all += h.elements; all > maxElements {
			return nil, errElements
		}
		if h.elements > 0 {
			if depth++; depth == maxDepth {
				return nil, errDepth
			}
			left[depth] = h.elements
		}
		for left[depth] == 0 {
			if depth--; depth == 0 {
				return frame, nil
			}
		}
	}
}

// gatherString appends n bytes, which are a string and its end.
func gatherString(fr muxpool.FrameReader, frame []byte, n int) ([]byte, error) {
	for rest := n; rest > 0; {
		size := min(rest, max(chunk, len(frame)))
		at := len(frame)
		frame = append(frame, make([]byte, size)...)
		if _, err := io.ReadFull(fr, frame[at:]); err != nil {
			return nil, inside(err)
		}
		rest -= size
	}
	if n > 0 && !endsLine(frame) {
		return nil, errNoEnd
	}
	return frame, nil
}
