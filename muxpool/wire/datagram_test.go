package wire

import (
	"bytes"
	"errors"
	"io"
	"testing"
)

// A DatagramReader reads one datagram, and then the next, as a stream that ends
// with each.
func TestDatagramReader(t *testing.T) {
	r := NewDatagramReader(0)
	for _, datagram := range []string{"head and body", "second", "x"} {
		r.Reset([]byte(datagram))
		got, err := r.Peek(len(datagram))
		if string(got) != datagram || err != nil {
			t.Errorf("Peek: %q, %v", got, err)
		}
		if got, err := r.Peek(len(datagram) + 1); string(got) != datagram || err != io.ErrUnexpectedEOF {
			t.Errorf("Peek of more: %q, %v", got, err)
		}
		if n, err := r.Discard(1); n != 1 || err != nil {
			t.Errorf("Discard: %d, %v", n, err)
		}
		if n, err := r.Read(nil); n != 0 || err != nil {
			t.Errorf("Read of nothing: %d, %v", n, err)
		}
		if got, err := io.ReadAll(r); string(got) != datagram[1:] || err != nil {
			t.Errorf("ReadAll: %q, %v", got, err)
		}
		if got, err := r.Peek(1); len(got) != 0 || err != io.EOF {
			t.Errorf("Peek at the end: %q, %v", got, err)
		}
		if n, err := r.Discard(0); n != 0 || err != nil {
			t.Errorf("Discard of nothing: %d, %v", n, err)
		}
		if got, err := r.Peek(0); len(got) != 0 || err != nil {
			t.Errorf("Peek of nothing: %q, %v", got, err)
		}
		if n, err := r.Read(nil); n != 0 || err != nil {
			t.Errorf("Read of nothing, at the end: %d, %v", n, err)
		}
		if n, err := r.Read(make([]byte, 1)); n != 0 || err != io.EOF {
			t.Errorf("Read of a byte, at the end: %d, %v", n, err)
		}
	}
	r.Reset([]byte("truncated"))
	if n, err := r.Discard(100); n != 9 || err != io.ErrUnexpectedEOF {
		t.Errorf("Discard of more: %d, %v", n, err)
	}
}

// A datagram cannot hold more than a datagram holds, whatever the limit.
func TestDatagramAlloc(t *testing.T) {
	cases := []struct {
		limit, n int
		ok       bool
	}{
		{0, 0, true}, {0, 65507, true}, {0, maxDatagramAlloc, true}, {0, maxDatagramAlloc + 1, false},
		{100, 100, true}, {100, 101, false}, {100, -1, false}, {0, -1, false}, {1 << 30, 1 << 30, false},
	}
	for _, c := range cases {
		b, err := NewDatagramReader(c.limit).Alloc(c.n)
		if c.ok && (err != nil || len(b) != c.n) || !c.ok && (!errors.Is(err, ErrFrameTooLarge) || b != nil) {
			t.Errorf("limit %d: Alloc(%d): %d bytes, %v", c.limit, c.n, len(b), err)
		}
	}
}

// Both FrameReaders give a parser the same frame, and the same kind of error for
// one that is cut off at any place.
func TestFrameReadersAgree(t *testing.T) {
	frame := appendFrame(nil, 1, 2, 300)
	for cut := range len(frame) + 1 {
		d := NewDatagramReader(1000)
		d.Reset(frame[:cut])
		for name, r := range map[string]FrameReader{"datagram": d, "stream": NewReader(bytes.NewReader(frame[:cut]), 1000)} {
			got, err := allocFrame(r)
			var want error
			switch {
			case cut == 0:
				want = io.EOF
			case cut < len(frame):
				want = io.ErrUnexpectedEOF
			}
			if err != want || err == nil && !bytes.Equal(got, frame) {
				t.Errorf("%s, %d bytes of %d: %v, want %v", name, cut, len(frame), err, want)
			}
		}
	}
}
