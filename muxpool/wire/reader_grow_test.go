package wire

import (
	"bytes"
	"io"
	"math"
	"testing"
)

// endless gives as many bytes as are asked for, at most n at a time.
type endless struct{ n int }

func (e *endless) Read(p []byte) (int, error) { return min(len(p), e.n), nil }

// consume reads n bytes in small pieces, as a parser of small frames does.
func consume(t *testing.T, r *Reader, n int) {
	t.Helper()
	for ; n > 0; n -= 64 {
		if _, err := r.Discard(64); err != nil {
			t.Fatal(err)
		}
	}
}

// A Reader that has read nothing yet, or little, holds little.
func TestReaderStartsSmall(t *testing.T) {
	r := NewReader(&endless{n: 100}, 0)
	if len(r.buf) != 0 {
		t.Errorf("a new Reader with a buffer of %d bytes", len(r.buf))
	}
	consume(t, r, 1<<16)
	if len(r.buf) != minReadBuffer {
		t.Errorf("reads of 100 bytes: a buffer of %d", len(r.buf))
	}
}

// Reads that fill the buffer double it, up to maxReadBuffer.
func TestReaderGrows(t *testing.T) {
	r := NewReader(&endless{n: math.MaxInt}, 0)
	size := minReadBuffer
	for read := size; read <= 4*maxReadBuffer; read += len(r.buf) {
		consume(t, r, read-r.Consumed())
		if len(r.buf) != min(2*size, maxReadBuffer) {
			t.Fatalf("after %d bytes: a buffer of %d, want %d", read, len(r.buf), min(2*size, maxReadBuffer))
		}
		size = len(r.buf)
	}
	if size != maxReadBuffer {
		t.Errorf("a buffer of %d", size)
	}
}

// Many reads that leave most of the buffer unused halve it, and in the end it is
// as small as a new one. A few do not.
func TestReaderShrinksWhenReadsAreSmall(t *testing.T) {
	src := &endless{n: math.MaxInt}
	r := NewReader(src, 0)
	consume(t, r, 4*maxReadBuffer)
	consume(t, r, r.Buffered())
	src.n = 64
	consume(t, r, (shrinkAfter-1)*64)
	if len(r.buf) != maxReadBuffer {
		t.Errorf("after a few small reads: a buffer of %d", len(r.buf))
	}
	consume(t, r, 64)
	if len(r.buf) != maxReadBuffer/2 {
		t.Errorf("after %d small reads: a buffer of %d", shrinkAfter, len(r.buf))
	}
	consume(t, r, (shrinkAfter-1)*64)
	if len(r.buf) != maxReadBuffer/2 {
		t.Errorf("after a few more: a buffer of %d", len(r.buf))
	}
	consume(t, r, 64)
	if len(r.buf) != maxReadBuffer/4 {
		t.Errorf("after %d more: a buffer of %d", shrinkAfter, len(r.buf))
	}
	consume(t, r, 10*shrinkAfter*64)
	if len(r.buf) != minReadBuffer {
		t.Errorf("after many small reads: a buffer of %d", len(r.buf))
	}
}

// One large read in between shows that the buffer is of use.
func TestReaderKeepsWhatIsUsed(t *testing.T) {
	src := &endless{n: math.MaxInt}
	r := NewReader(src, 0)
	consume(t, r, 4*maxReadBuffer)
	consume(t, r, r.Buffered())
	for range 10 {
		src.n = 64
		consume(t, r, (shrinkAfter-1)*64)
		if len(r.buf) != maxReadBuffer {
			t.Fatalf("a buffer of %d", len(r.buf))
		}
		src.n = maxReadBuffer / 2
		consume(t, r, src.n)
	}
}

// A frame that comes in small pieces is not cut off by a smaller buffer.
func TestReaderShrinksAroundData(t *testing.T) {
	want := appendFrame(nil, 1, 2, maxReadBuffer)
	var steps []any
	for at := 0; at < len(want); at += 256 {
		steps = append(steps, want[at:at+256])
	}
	r := NewReader(&script{steps: steps}, 0)
	if got, err := r.Peek(len(want)); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

// A large body goes straight to where it is wanted. Around it only a little is
// read ahead, so that the next body is not dragged through the buffer.
func TestReaderDirect(t *testing.T) {
	const size = 4 * directRead
	var stream []byte
	const bodies = 20
	for i := range bodies {
		stream = appendFrame(stream, 1, uint32(i), size)
	}
	src := &counted{r: bytes.NewReader(stream)}
	r := NewReader(src, size)
	body := make([]byte, size)
	for i := range uint32(bodies) {
		r.BeginFrame()
		if _, err := r.Peek(frameHead); err != nil {
			t.Fatal(err)
		}
		ahead := r.Buffered()
		if i > 0 && ahead > directAhead {
			t.Errorf("body %d: %d bytes of it in the buffer", i, ahead)
		}
		if _, err := io.ReadFull(r, body); err != nil {
			t.Fatal(err)
		}
		if ahead < size && &src.last[len(src.last)-1] != &body[size-1] {
			t.Errorf("body %d was read to elsewhere", i)
		}
		if _, seq, err := checkFrame(body); err != nil || seq != i {
			t.Fatal(seq, err)
		}
	}
	if most := 2*bodies + 10; src.reads > most {
		t.Errorf("%d reads of %d bodies", src.reads, bodies)
	}
}

// counted remembers the last read, and how many there were.
type counted struct {
	r     io.Reader
	last  []byte
	reads int
}

func (c *counted) Read(p []byte) (int, error) {
	c.reads++
	c.last = p
	return c.r.Read(p)
}

// After the last large body, reading ahead is back, however a parser reads.
func TestReaderReadsAheadAgain(t *testing.T) {
	for name, read := range map[string]func(*Reader, int) error{
		"Read": func(r *Reader, n int) error { _, err := io.ReadFull(r, make([]byte, n)); return err },
		"Take": func(r *Reader, n int) error { _, err := r.Take(n); return err },
	} {
		src := &counted{r: &endless{n: math.MaxInt}}
		r := NewReader(src, 0)
		if err := read(r, directRead); err != nil {
			t.Fatal(err)
		}
		for range directStreak {
			if err := read(r, 1024); err != nil {
				t.Fatal(err)
			}
		}
		before := src.reads
		for range 1000 {
			if err := read(r, 1024); err != nil {
				t.Fatal(err)
			}
		}
		if n := src.reads - before; n > 30 {
			t.Errorf("%s: %d reads of 1000 KiB in small pieces", name, n)
		}
	}
}
