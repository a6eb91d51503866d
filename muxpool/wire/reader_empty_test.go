package wire

import (
	"bytes"
	"io"
	"testing"
	"testing/iotest"
)

// emptyReads gives n reads of nothing before each read of something.
type emptyReads struct {
	r    io.Reader
	n    int
	left int
}

func (e *emptyReads) Read(p []byte) (int, error) {
	if e.left > 0 {
		e.left--
		return 0, nil
	}
	e.left = e.n
	return e.r.Read(p)
}

// A read of nothing is no end of the stream: a peer's empty write to a net.Pipe
// causes one.
func TestReaderEmptyReads(t *testing.T) {
	want := bytes.Repeat([]byte("0123456789"), 10<<10)
	for _, n := range []int{1, 3} {
		src := &emptyReads{r: iotest.HalfReader(bytes.NewReader(want)), n: n, left: n}
		r := NewReader(src, 1<<20)
		if b, err := r.Peek(100); !bytes.Equal(b, want[:100]) || err != nil {
			t.Errorf("%d empty reads: Peek: %q, %v", n, b, err)
		}
		if k, err := r.Discard(5000); k != 5000 || err != nil {
			t.Errorf("%d empty reads: Discard: %d, %v", n, k, err)
			continue
		}
		got := make([]byte, len(want)-5000)
		if _, err := io.ReadFull(r, got); err != nil || !bytes.Equal(got, want[5000:]) {
			t.Errorf("%d empty reads: ReadFull: %v", n, err)
		}
	}
}

type neverReads struct{}

func (neverReads) Read([]byte) (int, error) { return 0, nil }

// A source that gives nothing for ever must not hang the reader.
func TestReaderNoProgress(t *testing.T) {
	calls := map[string]func(*Reader) error{
		"Read":       func(r *Reader) error { _, err := r.Read(make([]byte, 1)); return err },
		"Read large": func(r *Reader) error { _, err := r.Read(make([]byte, directRead)); return err },
		"Peek":       func(r *Reader) error { _, err := r.Peek(1); return err },
		"Discard":    func(r *Reader) error { _, err := r.Discard(1); return err },
	}
	for name, call := range calls {
		if err := call(NewReader(neverReads{}, 1<<20)); err != io.ErrNoProgress {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// One read of nothing fewer than the bound is survived.
func TestReaderEmptyReadsInARow(t *testing.T) {
	for n, want := range map[int]error{maxEmptyReads - 1: nil, maxEmptyReads: io.ErrNoProgress} {
		r := NewReader(&emptyReads{r: bytes.NewReader([]byte("x")), n: n, left: n}, 1<<20)
		if b, err := r.Peek(1); err != want || err == nil && string(b) != "x" {
			t.Errorf("%d reads of nothing: %q, %v", n, b, err)
		}
	}
}
