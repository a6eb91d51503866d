package wire

import (
	"bytes"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"testing/iotest"
)

// A read of nothing brings nothing, before the first byte and behind the last.
func TestReadOfNothing(t *testing.T) {
	r := NewReader(strings.NewReader("x"), 1)
	for consumed := range 2 {
		if n, err := r.Read(nil); n != 0 || err != nil || r.Consumed() != consumed {
			t.Errorf("%d, %v, %d consumed, want %d", n, err, r.Consumed(), consumed)
		}
		_, _ = r.Discard(1 - consumed)
	}
}

// What goes past the buffer, and how much is read ahead behind it, begins at directRead.
func TestWhatIsReadPastTheBuffer(t *testing.T) {
	for name, read := range map[string]func(*Reader, int) ([]byte, error){
		"Read": func(r *Reader, n int) ([]byte, error) {
			p := make([]byte, n)
			_, err := r.Read(p)
			return p, err
		},
		"Take": (*Reader).Take,
	} {
		for n, direct := range map[int]bool{directRead - 1: false, directRead: true} {
			src := &counted{r: &endless{n: math.MaxInt}}
			r := NewReader(src, 0)
			consume(t, r, 4*maxReadBuffer) // the buffer is large
			consume(t, r, r.Buffered())
			got, err := read(r, n)
			if err != nil {
				t.Fatal(err)
			}
			last := src.last
			if past := &last[len(last)-1] == &got[n-1]; past != direct {
				t.Errorf("%s of %d bytes goes past the buffer: %v", name, n, past)
			}
			consume(t, r, r.Buffered())
			if _, err := r.Peek(1); err != nil {
				t.Fatal(err)
			}
			if ahead := r.Buffered(); (ahead == directAhead) != direct {
				t.Errorf("behind %s of %d bytes %d are read ahead", name, n, ahead)
			}
		}
	}
}

// A large read that gets a byte has got that byte.
func TestLargeReadOfAByte(t *testing.T) {
	want := appendFrame(nil, 1, 2, directRead+100)
	for name, read := range map[string]func(*Reader) ([]byte, error){
		"Read": func(r *Reader) ([]byte, error) {
			p := make([]byte, len(want))
			_, err := io.ReadFull(r, p)
			return p, err
		},
		"Take": func(r *Reader) ([]byte, error) { return r.Take(len(want)) },
	} {
		r := NewReader(iotest.OneByteReader(bytes.NewReader(want)), 0)
		if got, err := read(r); err != nil || !bytes.Equal(got, want) || r.Consumed() != len(want) {
			t.Errorf("%s: %d bytes, %v, %d consumed", name, len(got), err, r.Consumed())
		}
	}
}

// What is told of a frame over the limit: how much of it there was, and how much was wanted.
func TestWordsOfAFrameTooLarge(t *testing.T) {
	const limit = 100
	for want, hit := range map[string]func(*Reader) error{
		"1 bytes behind the first 100, at most 100 are allowed": func(r *Reader) error { _, err := io.ReadAll(r); return err },
		"61 bytes behind the first 40, at most 100 are allowed": func(r *Reader) error { _, _ = r.Discard(40); _, err := r.Peek(61); return err },
		"101 bytes behind the first 0, at most 100 are allowed": func(r *Reader) error { _, err := r.Take(101); return err },
		"200 bytes behind the first 0, at most 100 are allowed": func(r *Reader) error { _, _ = r.Discard(40); _, err := r.Alloc(200); return err },
		"length -1": func(r *Reader) error { _, err := r.Discard(-1); return err },
		"100 bytes behind the first 40, at most 100 are allowed": func(r *Reader) error { _, _ = r.Discard(40); _, err := r.Discard(100); return err },
	} {
		r := NewReader(strings.NewReader(strings.Repeat("x", 1000)), limit)
		if err := hit(r); !errors.Is(err, ErrFrameTooLarge) || err.Error() != ErrFrameTooLarge.Error()+": "+want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// What has been read before does not make the memory of a frame larger that is announced and
// does not come.
func TestPeekTakesMemoryForItsFrameAlone(t *testing.T) {
	const before, came = minReadBuffer - 96, 96
	p := &purse{left: 1 << 30}
	r := NewReader(&trickle{rest: make([]byte, before+came), n: minReadBuffer, end: io.ErrUnexpectedEOF}, 0)
	r.SetBudget(p)
	if _, err := r.Peek(minReadBuffer); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Discard(before); err != nil {
		t.Fatal(err)
	}
	r.BeginFrame()
	if _, err := r.Peek(4 << 20); err != io.ErrUnexpectedEOF {
		t.Errorf("Peek: %v", err)
	}
	if most := takeFirst - minReadBuffer; p.most > most {
		t.Errorf("%d bytes came: memory of %d counted, want at most %d", came, p.most, most)
	}
}

// Each byte of the buffer beyond what every connection has counts, and is given back: when there is no
// use for it, when others want it, at the end.
func TestEachByteOfTheBufferCounts(t *testing.T) {
	for name, giveBack := range map[string]func(*Reader, *purse){
		"Shrink": func(r *Reader, _ *purse) { r.Shrink() },
		"Close":  func(r *Reader, _ *purse) { r.Close() },
		"others": func(r *Reader, p *purse) { p.tight = true; _, _ = r.Peek(1) },
	} {
		p := &purse{left: 1} // so that the buffer grows no more
		r := NewReader(bytes.NewReader(make([]byte, minReadBuffer+1)), 0)
		r.SetBudget(p)
		if _, err := r.Peek(minReadBuffer + 1); err != nil || p.spent != 1 {
			t.Fatalf("%s: %v, %d bytes count, want 1", name, err, p.spent)
		}
		if _, err := r.Discard(minReadBuffer + 1); err != nil {
			t.Fatal(err)
		}
		if giveBack(r, p); p.spent != 0 {
			t.Errorf("%s: %d bytes count", name, p.spent)
		}
	}
}

// A large buffer with little in it shrinks, wherever in it that is.
func TestShrinkOfALittleAtTheEnd(t *testing.T) {
	want := appendFrame(nil, 1, 2, maxReadBuffer)
	r := NewReader(bytes.NewReader(want), 0)
	if _, err := r.Peek(len(want)); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Discard(len(want) - 10); err != nil {
		t.Fatal(err)
	}
	if r.Shrink(); len(r.buf) != minReadBuffer {
		t.Errorf("a buffer of %d bytes for 10", len(r.buf))
	}
	if got, err := r.Peek(10); err != nil || !bytes.Equal(got, want[len(want)-10:]) {
		t.Errorf("then %q, %v", got, err)
	}
}

// Reading ahead asks for what it takes: with just that it grows as far as it ever does.
func TestReadingAheadAsksForWhatItTakes(t *testing.T) {
	p := &purse{left: maxReadBuffer - minReadBuffer}
	r := NewReader(&endless{n: math.MaxInt}, 0)
	r.SetBudget(p)
	if consume(t, r, 4*maxReadBuffer); len(r.buf) != maxReadBuffer || p.left != 0 {
		t.Errorf("a buffer of %d bytes, %d are left of the budget", len(r.buf), p.left)
	}
}
