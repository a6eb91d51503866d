package wire

import (
	"bytes"
	"errors"
	"io"
	"runtime"
	"testing"
)

// script is a source whose reads are written down: data, or an error.
type script struct {
	steps []any // []byte, or error
	read  func(p []byte)
}

func (s *script) Read(p []byte) (int, error) {
	if s.read != nil {
		s.read(p)
	}
	if len(p) == 0 {
		return 0, nil // as a connection does
	}
	if len(s.steps) == 0 {
		return 0, io.EOF
	}
	switch step := s.steps[0].(type) {
	case error:
		s.steps = s.steps[1:]
		return 0, step
	case []byte:
		n := copy(p, step)
		if s.steps[0] = step[n:]; n == len(step) {
			s.steps = s.steps[1:]
		}
		return n, nil
	default:
		return 0, errors.New("a step that is neither data nor an error")
	}
}

// A Shrink while the Reader waits for more of a frame than a small buffer holds,
// whatever part of it has come.
func TestShrinkInsidePeek(t *testing.T) {
	want := appendFrame(nil, 1, 2, 3*minReadBuffer)
	for _, have := range []int{1, minReadBuffer - 1, minReadBuffer, minReadBuffer + 1, 2 * minReadBuffer, len(want) - 1} {
		for _, skip := range []int{0, 1, 100} { // bytes of an earlier frame
			src := &script{steps: []any{append(make([]byte, skip), want[:have]...), errShrink, errShrink, want[have:]}}
			r := NewReader(src, len(want))
			if _, err := r.Discard(skip); err != nil {
				t.Fatal(err)
			}
			r.BeginFrame()
			if got, err := r.Peek(len(want)); err != nil || !bytes.Equal(got, want) {
				t.Errorf("a Shrink behind %d bytes of %d: Peek returned %d bytes, %v", have, len(want), len(got), err)
			}
		}
	}
}

// A connection may be idle for months, and told to shrink each minute.
func TestShrinkDoesNotNest(t *testing.T) {
	var steps []any
	for range 100 {
		steps = append(steps, errShrink)
	}
	depth := 0
	src := &script{steps: append(steps, []byte("x")), read: func([]byte) {
		depth = max(depth, runtime.Callers(0, make([]uintptr, 1000)))
	}}
	if _, err := NewReader(src, 0).Peek(1); err != nil {
		t.Fatal(err)
	}
	if depth > 50 {
		t.Errorf("%d stack frames deep after 100 Shrinks", depth)
	}
}

// A body that stalls on its way past the buffer does not keep the buffer.
func TestShrinkInsideDirectRead(t *testing.T) {
	body := appendFrame(nil, 1, 2, 2*directRead)
	src := &script{steps: []any{make([]byte, maxReadBuffer), errShrink, body}}
	r := NewReader(src, 0)
	if _, err := r.Peek(maxReadBuffer); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Discard(maxReadBuffer); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(body))
	if _, err := io.ReadFull(r, got); err != nil || !bytes.Equal(got, body) {
		t.Fatal(err)
	}
	if len(r.buf) > directAhead {
		t.Errorf("a buffer of %d bytes after Shrink", len(r.buf))
	}
}

// A buffer that may not grow is used to its last byte, wherever the data in it begins.
func TestReaderUsesItsWholeBuffer(t *testing.T) {
	for gone := range 3 {
		want := appendFrame(nil, 1, 2, 3*minReadBuffer)
		full, head, rest := want[:minReadBuffer], want[minReadBuffer:minReadBuffer+100], want[minReadBuffer+100:]
		r := NewReader(&script{steps: []any{full, head, rest}}, 0)
		r.SetBudget(&purse{tight: true})
		for _, n := range []int{minReadBuffer, gone} { // so much of each of the first two reads is taken
			if _, err := r.Peek(n); err != nil {
				t.Fatal(err)
			}
			if _, err := r.Discard(n); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := r.Peek(minReadBuffer); err != nil || !bytes.Equal(got, want[minReadBuffer+gone:][:minReadBuffer]) {
			t.Errorf("behind %d bytes: %d, %v", gone, len(got), err)
		}
		if len(r.buf) != minReadBuffer {
			t.Errorf("the buffer has %d bytes", len(r.buf))
		}
	}
}
