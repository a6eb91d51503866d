package wire

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
)

// hesitant is a source whose every other read brings nothing, and no error.
type hesitant struct {
	r     io.Reader
	again bool
}

func (h *hesitant) Read(p []byte) (int, error) {
	if h.again = !h.again; h.again {
		return 0, nil
	}
	return h.r.Read(p[:min(len(p), 1000)])
}

// TestReadsThatBringNothing: a read without a byte and without an error is no end, of a small
// frame or of a large one, whose bytes go past the buffer.
func TestReadsThatBringNothing(t *testing.T) {
	for _, n := range []int{100, directRead, 3 * directRead} {
		want := bytes.Repeat([]byte("frame"), n/5)
		r := NewReader(&hesitant{r: bytes.NewReader(want)}, 4*directRead)
		got, err := r.Take(len(want))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d bytes: got %d, %v", len(want), len(got), err)
		}
		r.Close()
	}
}

// TestWhatIsSentByReference: where each piece of a batch is a write or a record of its own, only
// large frames are worth one.
func TestWhatIsSentByReference(t *testing.T) {
	a, b := socketPair(t, "tcp")
	defer a.Close()
	defer b.Close()
	p, q := net.Pipe()
	defer p.Close()
	defer q.Close()
	for name, c := range map[string]struct {
		nc   net.Conn
		want int
	}{
		"a socket":                 {a, refMin},
		"a pipe":                   {p, refMinPlain},
		"TLS on a socket":          {tls.Client(BeneathTLS(a), nil), refMinPlain},
		"TLS of somebody else's":   {tls.Client(a, nil), refMinPlain},
		"a connection of a user's": {struct{ net.Conn }{a}, refMinPlain},
	} {
		if got := NewWriter(c.nc, WriterConfig{}).refMin; got != c.want {
			t.Errorf("%s: frames from %d bytes on are sent by reference, want %d", name, got, c.want)
		}
	}
}

// The memory of a frame counts from takeFirst on, to the byte, and is its reader's until whoever
// takes the frame over says so.
func TestWhatATakenFrameCounts(t *testing.T) {
	for n, want := range map[int]int{takeFirst: 0, takeFirst + 1: takeFirst + 1, 1 << 20: 1 << 20} {
		for _, over := range []bool{false, true} {
			p := &purse{left: 1 << 30}
			r := NewReader(&trickle{rest: make([]byte, n), n: 1000, end: io.EOF}, 0)
			r.SetBudget(p)
			if frame, err := r.Take(n); err != nil || len(frame) != n {
				t.Fatalf("%d bytes: %d, %v", n, len(frame), err)
			}
			ahead := r.held
			if p.spent-ahead != want {
				t.Errorf("%d bytes: %d count, want %d", n, p.spent-ahead, want)
			}
			left := 0
			if over {
				if left = r.Taken(); left != want {
					t.Errorf("%d bytes: %d are taken over, want %d", n, left, want)
				}
			}
			if r.BeginFrame(); p.spent-ahead != left {
				t.Errorf("%d bytes, taken over %v: %d count behind the frame, want %d", n, over, p.spent-ahead, left)
			}
			if again := r.Taken(); again != 0 {
				t.Errorf("%d bytes are taken over twice", again)
			}
		}
	}
}

// What the budget refuses ends the frame, and the next begins with nothing of it.
func TestFrameBehindOneThatTheBudgetRefused(t *testing.T) {
	for name, refused := range map[string]func(*Reader) error{
		"Hold":  func(r *Reader) error { return r.Hold(1) },
		"Alloc": func(r *Reader) error { _, err := r.Alloc(takeFirst + 1); return err },
		"Take":  func(r *Reader) error { _, err := r.Take(takeFirst + 1); return err },
	} {
		r := NewReader(strings.NewReader(strings.Repeat("x", 100)), 0)
		r.SetBudget(&purse{})
		if err := refused(r); err != errPurse || r.Over() != errPurse {
			t.Errorf("%s: %v, %v", name, err, r.Over())
		}
		if n, err := r.Read(make([]byte, 1)); n != 0 || err != errPurse {
			t.Errorf("%s: then Read: %d, %v", name, n, err)
		}
		r.BeginFrame()
		if b, err := r.Peek(1); string(b) != "x" || err != nil || r.Over() != nil {
			t.Errorf("%s: in the next frame Peek: %q, %v", name, b, err)
		}
	}
}

// The head of a frame that was given up is forgotten with it.
func TestHeadIsThatOfItsFrame(t *testing.T) {
	first, next := bytes.Repeat([]byte("1"), 1<<20), bytes.Repeat([]byte("2"), 100)
	r := NewReader(&trickle{rest: append(bytes.Clone(first), next...), n: 1000, end: io.EOF}, 0)
	r.SetBudget(&purse{left: 100 << 10})
	if _, err := r.Take(len(first)); err != errPurse {
		t.Fatal(err)
	}
	if err := r.Skip(int64(len(first))); err != nil {
		t.Fatal(err)
	}
	if r.BeginFrame(); r.head != nil {
		t.Errorf("%d bytes of it are held", len(r.head))
	}
	if head, err := r.HeadOf(len(next)); err != nil || !bytes.Equal(head, next) {
		t.Errorf("of the next frame: %.10q, %v", head, err)
	}
	if _, err := r.Discard(1); err != nil {
		t.Fatal(err)
	}
	if _, err := r.HeadOf(10); err != errHeadGone {
		t.Errorf("a byte behind its beginning: %v", err)
	}
}

// A frame of which more was consumed than it has is out of step.
func TestSkipOfLessThanWasConsumed(t *testing.T) {
	r := NewReader(strings.NewReader(strings.Repeat("x", 100)), 0)
	if _, err := r.Discard(10); err != nil {
		t.Fatal(err)
	}
	if err := r.Skip(10); err != nil || r.Consumed() != 10 {
		t.Errorf("Skip to where it is: %v, %d consumed", err, r.Consumed())
	}
	if err := r.Skip(9); !errors.Is(err, ErrFrameTooLarge) || !strings.HasSuffix(err.Error(), "10 bytes consumed of a frame of 9") {
		t.Errorf("Skip to before that: %v", err)
	}
}

// A frame that stalls on its way past the buffer comes whole, and does not keep the buffer.
func TestShrinkInsideTake(t *testing.T) {
	want := appendFrame(nil, 1, 2, 2*directRead)
	steps := []any{make([]byte, maxReadBuffer)}
	for at := 0; at < len(want); at += directRead / 2 {
		steps = append(steps, errShrink, want[at:at+directRead/2])
	}
	r := NewReader(&script{steps: steps}, 0)
	if _, err := r.Peek(maxReadBuffer); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Discard(maxReadBuffer); err != nil {
		t.Fatal(err)
	}
	if got, err := r.Take(len(want)); err != nil || !bytes.Equal(got, want) || r.Consumed() != maxReadBuffer+len(want) {
		t.Errorf("%d bytes, %v, %d consumed", len(got), err, r.Consumed())
	}
	if len(r.buf) > directAhead {
		t.Errorf("a buffer of %d bytes after Shrink", len(r.buf))
	}
}
