package wire

import (
	"bytes"
	"errors"
	"io"
	"testing"
)

// pieces is a stream in pieces: of 0 bytes to thousands, and Shrinks in between.
type pieces struct {
	t    *testing.T
	data []byte
	end  error
	with bool // the end comes with the last byte
	cuts []byte
	at   int
	void int // reads of nothing in a row
}

func (s *pieces) Read(p []byte) (int, error) {
	if len(p) == 0 {
		s.t.Fatal("a read that can return nothing")
	}
	cut := byte(200)
	if len(s.cuts) > 0 {
		cut = s.cuts[s.at%len(s.cuts)]
		s.at++
	}
	switch {
	case len(s.data) == 0:
		return 0, s.end
	case cut == 255 && s.void < maxEmptyReads/2:
		s.void++
		return 0, errShrink
	case cut == 0 && s.void < maxEmptyReads/2:
		s.void++
		return 0, nil
	}
	s.void = 0
	n := copy(p, s.data[:min(len(s.data), count(cut))])
	if s.data = s.data[n:]; len(s.data) == 0 && s.with {
		return n, s.end
	}
	return n, nil
}

// count spreads the 256 values of a byte over 1 to about 200,000, with those at
// the borders of the Reader among them.
func count(b byte) int {
	switch {
	case b < 64:
		return int(b) + 1
	case b < 128:
		return int(b-64)*64 + 64 // minReadBuffer is one
	case b < 192:
		return int(b-128)*1024 + 1024 // directRead is one
	default:
		return int(b-192)*3333 + 1
	}
}

// readerModel is what a Reader promises, without a buffer.
type readerModel struct {
	left     []byte
	end      error
	limit    int
	frame    int
	tooLarge bool
}

// refuses says whether n more bytes behind used ones are over the limit.
func (m *readerModel) refuses(used, n int) bool {
	m.tooLarge = m.tooLarge || m.limit > 0 && n > m.limit-used
	return m.tooLarge
}

func (m *readerModel) peek(n int) ([]byte, error) {
	switch {
	case m.refuses(m.frame, n):
		return nil, ErrFrameTooLarge
	case n <= len(m.left):
		return m.left[:n], nil
	case m.end == io.EOF && len(m.left) > 0:
		return m.left, io.ErrUnexpectedEOF
	default:
		return m.left, m.end
	}
}

func (m *readerModel) take(n int) {
	m.left = m.left[n:]
	m.frame += n
}

func (m *readerModel) discard(n int) (int, error) {
	if m.refuses(m.frame, n) {
		return 0, ErrFrameTooLarge
	}
	if n <= len(m.left) {
		m.take(n)
		return n, nil
	}
	n = len(m.left)
	m.take(n)
	return n, m.end
}

// read checks what Read returned and takes it.
func (m *readerModel) read(t *testing.T, p []byte, n int, err error) {
	most := min(len(p), len(m.left))
	switch {
	case len(p) == 0 || m.tooLarge:
		most = 0
	case m.limit > 0 && m.frame >= m.limit:
		m.tooLarge = true
		most = 0
	case m.limit > 0:
		most = min(most, m.limit-m.frame)
	}
	var want error
	switch {
	case len(p) == 0:
	case m.tooLarge:
		want = ErrFrameTooLarge
	case len(m.left) == 0:
		want = m.end
	}
	if n > most || n == 0 && most > 0 || !bytes.Equal(p[:n], m.left[:n]) {
		t.Fatalf("Read of %d: %d bytes, at most %d are right", len(p), n, most)
	}
	if !errors.Is(err, want) && !(n == len(m.left) && err == m.end) || want == nil && err != nil && err != m.end {
		t.Fatalf("Read of %d: %d, %v, want %v", len(p), n, err, want)
	}
	m.take(n)
}

// Whatever the pieces in which a stream comes, and whatever a parser asks for, it
// sees the stream and its bounds, and nothing of the buffer.
func FuzzReader(f *testing.F) {
	f.Add(uint32(30000), uint32(0), []byte{10, 70, 255, 0, 200}, []byte{0, 127, 2, 60, 4, 150, 6, 150, 8, 100, 10, 0}, false)
	f.Add(uint32(8192), uint32(8000), []byte{127, 255, 127}, []byte{0, 128, 0, 130, 2, 127}, true)
	f.Add(uint32(500000), uint32(300000), []byte{255}, []byte{4, 200, 4, 250, 6, 255, 1, 9, 3, 9, 5, 9}, true)
	f.Add(uint32(400000), uint32(0), []byte{200, 1}, []byte{0, 230, 2, 230, 4, 3, 4, 3, 0, 240, 2, 230}, false)
	f.Add(uint32(70000), uint32(20000), []byte{64}, []byte{8, 200, 0, 1}, false)
	f.Add(uint32(30000), uint32(0), []byte{127, 255, 60}, []byte{0, 140, 2, 140}, true)
	f.Fuzz(func(t *testing.T, size, limit uint32, cuts, ops []byte, with bool) {
		if len(ops) > 400 {
			return
		}
		data := appendFrame(nil, size, limit, int(size%(1<<19)))
		m := &readerModel{left: data, end: io.EOF, limit: int(limit % (1 << 19))}
		if size%3 == 0 {
			m.end = errTest
		}
		r := NewReader(&pieces{t: t, data: data, end: m.end, with: with, cuts: cuts}, m.limit)
		for ; len(ops) >= 2; ops = ops[2:] {
			readerStep(t, r, m, ops[0], count(ops[1])-1)
			if r.Consumed() != m.frame || (r.TooLarge() != nil) != m.tooLarge || r.Buffered() > len(m.left) {
				t.Fatalf("consumed %d, want %d; too large: %v, want %v; %d ahead of %d", r.Consumed(), m.frame, r.TooLarge(), m.tooLarge, r.Buffered(), len(m.left))
			}
			if len(r.buf) > 4*maxReadBuffer {
				t.Fatalf("a buffer of %d bytes", len(r.buf))
			}
		}
	})
}

func readerStep(t *testing.T, r *Reader, m *readerModel, op byte, n int) {
	switch op / 2 % 6 {
	case 0:
		got, err := r.Peek(n)
		if want, wantErr := m.peek(n); !bytes.Equal(got, want) || !errors.Is(err, wantErr) || len(got) != cap(got) {
			t.Fatalf("Peek(%d): %d bytes, %v; want %d, %v", n, len(got), err, len(want), wantErr)
		}
	case 1:
		got, err := r.Discard(n)
		if want, wantErr := m.discard(n); got != want || !errors.Is(err, wantErr) {
			t.Fatalf("Discard(%d): %d, %v; want %d, %v", n, got, err, want, wantErr)
		}
	case 2, 3:
		p := Alloc(n)
		got, err := r.Read(p)
		m.read(t, p, got, err)
		clear(p) // nobody else may see it
		Free(p)
	case 4:
		b, err := r.Alloc(n)
		if refused := m.refuses(0, n); refused != errors.Is(err, ErrFrameTooLarge) || !refused && len(b) != n {
			t.Fatalf("Alloc(%d): %d bytes, %v", n, len(b), err)
		}
		clear(b)
		Free(b)
	case 5:
		r.BeginFrame()
		m.frame = 0
	}
}
