package wire

import (
	"bytes"
	"errors"
	"io"
	"testing"
)

// purse is a Budget of so many bytes.
type purse struct {
	left, most, spent int
	tight             bool
}

func (p *purse) Tight() bool { return p.tight }

var errPurse = errors.New("the purse is empty")

func (p *purse) Hold(n int) error {
	if n > p.left {
		return errPurse
	}
	p.left -= n
	p.spent += n
	p.most = max(p.most, p.spent)
	return nil
}

func (p *purse) Release(n int) { p.left += n; p.spent -= n }

// trickle gives its bytes a few at a time, and then what end says.
type trickle struct {
	rest []byte
	n    int
	end  error
}

func (s *trickle) Read(p []byte) (int, error) {
	if len(s.rest) == 0 {
		return 0, s.end
	}
	n := copy(p[:min(len(p), s.n)], s.rest)
	s.rest = s.rest[n:]
	return n, nil
}

func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i * 7 >> 3)
	}
	return b
}

// Frames of all sizes are taken whole, however their bytes come.
func TestTakeReadsFramesWhole(t *testing.T) {
	for _, n := range []int{0, 1, 100, takeFirst - 1, takeFirst, takeFirst + 1, 5*takeFirst + 3, 1<<20 + 1} {
		for _, at := range []int{1 + n/50, 1 << 12, 1 << 30} {
			want := pattern(n)
			r := NewReader(&trickle{rest: append(bytes.Clone(want), "next"...), n: at, end: io.EOF}, 2<<20)
			got, err := r.Take(n)
			if err != nil || !bytes.Equal(got, want) || r.Consumed() != n {
				t.Fatalf("%d bytes, %d at a time: %d, %v, %d consumed", n, at, len(got), err, r.Consumed())
			}
			if b, err := r.Peek(4); string(b) != "next" || err != nil {
				t.Fatalf("%d bytes: then %q, %v", n, b, err)
			}
		}
	}
}

// A frame that is announced and does not come takes memory for what came: eight times as much, or twice where others may want
// it. The buffer, where a parser looks at it there, is up to twice as large.
func TestTakeTakesMemoryForWhatCame(t *testing.T) {
	const announced = 4 << 20
	for _, tight := range []bool{false, true} {
		growth := takeGrowth
		if tight {
			growth = tightGrowth
		}
		for _, came := range []int{0, 16, 20 << 10, 100 << 10, 300 << 10} {
			for allowed, read := range map[int]func(*Reader, int) ([]byte, error){
				growth*came + takeFirst: (*Reader).Take, 2*growth*came + takeFirst + 1: (*Reader).Peek} {
				p := &purse{left: 1 << 30, tight: tight}
				r := NewReader(&trickle{rest: make([]byte, came), n: 4096, end: io.ErrUnexpectedEOF}, announced)
				r.SetBudget(p)
				if _, err := read(r, announced); err != io.ErrUnexpectedEOF {
					t.Errorf("%d bytes came: %v", came, err)
				}
				if p.most > allowed {
					t.Errorf("%d bytes came, tight %v: memory of %d counted, at most %d are allowed", came, tight, p.most, allowed)
				}
				if r.Close(); p.spent != 0 {
					t.Errorf("%d bytes are left in the count", p.spent)
				}
			}
		}
	}
}

// Over the budget, a frame is given up, and what follows it can be read.
func TestTakeStopsAtTheBudget(t *testing.T) {
	p := &purse{left: 100 << 10}
	frame := pattern(1 << 20)
	r := NewReader(&trickle{rest: append(bytes.Clone(frame), "next"...), n: 1000, end: io.EOF}, 2<<20)
	r.SetBudget(p)
	if _, err := r.Take(len(frame)); err != errPurse || r.Over() != errPurse || r.TooLarge() != nil {
		t.Fatalf("%v, %v, %v", err, r.Over(), r.TooLarge())
	}
	if _, err := r.Peek(1); err != errPurse {
		t.Errorf("a parser that goes on gets %v", err)
	}
	if head, err := r.Head(); err != nil || len(head) < takeFirst || !bytes.Equal(head, frame[:len(head)]) {
		t.Errorf("a head of %d bytes, %v", len(head), err)
	}
	if err := r.Skip(int64(len(frame))); err != nil || p.spent > maxReadBuffer {
		t.Errorf("%v, %d bytes are held", err, p.spent)
	}
	r.BeginFrame()
	if b, err := r.Peek(4); string(b) != "next" || err != nil {
		t.Errorf("then %q, %v", b, err)
	}
	if r.Close(); p.spent != 0 {
		t.Errorf("%d bytes are left in the count", p.spent)
	}
}

// A frame over the limit can be skipped, from its header on.
func TestSkipPassesOverAFrameTooLarge(t *testing.T) {
	const limit = 1 << 10
	for _, n := range []int{limit + 1, 16 * limit, 1 << 20} {
		r := NewReader(&trickle{rest: append(pattern(n), "next"...), n: 700, end: io.EOF}, limit)
		if _, err := r.Peek(8); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Take(n); !errors.Is(err, ErrFrameTooLarge) {
			t.Fatalf("%d bytes: %v", n, err)
		}
		if head, err := r.HeadOf(900); err != nil || !bytes.Equal(head, pattern(n)[:900]) {
			t.Errorf("%d bytes: a head of %d, %v", n, len(head), err)
		}
		if err := r.Skip(int64(n)); err != nil || r.Consumed() != n {
			t.Fatalf("%d bytes: %v, %d consumed", n, err, r.Consumed())
		}
		r.BeginFrame()
		if b, err := r.Take(4); string(b) != "next" || err != nil {
			t.Errorf("%d bytes: then %q, %v", n, b, err)
		}
	}
}

// A frame that ends too early is not passed over.
func TestSkipEndsWithTheConnection(t *testing.T) {
	r := NewReader(&trickle{rest: pattern(100), n: 30, end: io.ErrUnexpectedEOF}, 10)
	if err := r.Skip(101); err != io.ErrUnexpectedEOF || r.Consumed() != 100 {
		t.Errorf("%v, %d consumed", err, r.Consumed())
	}
}

// The head is what is at hand, from where the frame begins, as long as nobody has consumed any of it.
func TestHeadOfAFrame(t *testing.T) {
	text := pattern(2 * headMax)
	r := NewReader(&trickle{rest: bytes.Clone(text), n: 1 << 20, end: io.EOF}, 0)
	if _, err := r.Peek(50); err != nil {
		t.Fatal(err)
	}
	if head, err := r.Head(); err != nil || len(head) < 50 || !bytes.Equal(head, text[:len(head)]) {
		t.Errorf("%d bytes, %v", len(head), err)
	}
	if _, err := r.Discard(10); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Head(); err != errHeadGone {
		t.Errorf("behind its beginning: %v", err)
	}
	if _, err := r.HeadOf(20); err != errHeadGone {
		t.Errorf("behind its beginning: %v", err)
	}
	r.BeginFrame()
	if head, err := r.HeadOf(20); err != nil || !bytes.Equal(head, text[10:30]) {
		t.Errorf("of the next frame: %d bytes, %v", len(head), err)
	}
	if head, err := r.Head(); err != nil || len(head) < 20 || !bytes.Equal(head, text[10:10+len(head)]) {
		t.Errorf("of the next frame: %d bytes, %v", len(head), err)
	}
}

// What is allocated at once counts from takeFirst on, until the frame is over.
func TestAllocCounts(t *testing.T) {
	for n, want := range map[int]int{0: 0, takeFirst: 0, takeFirst + 1: takeFirst + 1} {
		p := &purse{left: 1 << 30}
		r := NewReader(&trickle{end: io.EOF}, 1<<20)
		r.SetBudget(p)
		if b, err := r.Alloc(n); err != nil || len(b) != n || p.spent != want {
			t.Errorf("%d bytes: %d, %v, %d count", n, len(b), err, p.spent)
		}
		if r.BeginFrame(); p.spent != 0 {
			t.Errorf("%d bytes: behind the frame %d count", n, p.spent)
		}
	}
}

func TestWithin(t *testing.T) {
	all := make([]byte, 30)
	buf := all[10:20:20]
	for name, c := range map[string]struct {
		b    []byte
		want bool
	}{
		"its first byte": {all[10:11], true}, "its last": {all[19:20], true}, "none of it": {all[15:15], true}, "before": {all[9:20], false},
		"behind": {all[20:21], false}, "nil": {nil, false}, "elsewhere": {make([]byte, 1), false}, "no room at its beginning": {all[10:10:10], false},
	} {
		if got := within(c.b, buf); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// Where bytes are tight, who has read ahead far gives that up, and nobody begins to.
func TestReadingAheadGivesWay(t *testing.T) {
	p := &purse{left: 1 << 20}
	r := NewReader(&endless{n: 1 << 30}, 0)
	r.SetBudget(p)
	consume(t, r, 4*maxReadBuffer)
	before := p.spent
	p.tight = true
	consume(t, r, r.Buffered())
	consume(t, r, 4*maxReadBuffer)
	if before == 0 || p.spent != 0 || len(r.buf) != minReadBuffer {
		t.Errorf("before %d bytes count, then %d, the buffer has %d", before, p.spent, len(r.buf))
	}
	p.tight = false
	consume(t, r, 4*maxReadBuffer)
	if p.spent != before {
		t.Errorf("in the end %d bytes count, not %d", p.spent, before)
	}
}

// Reading ahead counts beyond what every connection has, and does not grow without
// budget.
func TestReadingAheadCounts(t *testing.T) {
	p := &purse{left: 1 << 20}
	r := NewReader(&endless{n: 1 << 30}, 0)
	r.SetBudget(p)
	consume(t, r, 4*maxReadBuffer)
	if p.spent != maxReadBuffer-minReadBuffer {
		t.Errorf("%d bytes count", p.spent)
	}
	consume(t, r, r.Buffered())
	defer func() {
		p.left = 1 << 20
		consume(t, r, 4*maxReadBuffer)
		if held := p.spent; held == 0 {
			t.Error("reading on counts nothing")
		}
		if r.Close(); p.spent != 0 {
			t.Errorf("after Close %d bytes count", p.spent)
		}
		if r.Close(); p.spent != 0 {
			t.Errorf("after a second Close %d bytes count", p.spent)
		}
	}()
	if r.Shrink(); p.spent != 0 || len(r.buf) != idleReadBuffer {
		t.Errorf("after Shrink %d bytes count, the buffer has %d", p.spent, len(r.buf))
	}
	p.left = 0
	consume(t, r, 4*maxReadBuffer)
	if len(r.buf) != minReadBuffer {
		t.Errorf("without budget the buffer has %d bytes", len(r.buf))
	}
}

// Memory grows in steps; a frame that is at most an eighth over a step is read in one of
// its own size.
func TestStep(t *testing.T) {
	for _, row := range []struct{ size, n, want int }{
		{8192, 1, 1}, {8192, 8192, 8192}, {8192, 9216, 9216}, {8192, 9217, 8192}, {8192, 1 << 20, 8192},
	} {
		if got := step(row.size, row.n); got != row.want {
			t.Errorf("step(%d, %d) is %d, want %d", row.size, row.n, got, row.want)
		}
	}
}

// What a parser holds for a frame is given back to the byte, at its end or when it is passed
// over.
func TestWhatAParserHoldsIsGivenBack(t *testing.T) {
	for n := range 3 {
		p := &purse{left: 10}
		r := NewReader(bytes.NewReader([]byte("frame")), 0)
		r.SetBudget(p)
		for name, end := range map[string]func(){"BeginFrame": r.BeginFrame, "Skip": func() { _ = r.Skip(0) }} {
			if err := r.Hold(n); err != nil || p.left != 10-n {
				t.Errorf("%d are held: %d are left, %v", n, p.left, err)
			}
			if end(); p.left != 10 {
				t.Errorf("%d were held: %d are left after %s", n, p.left, name)
			}
		}
	}
}
