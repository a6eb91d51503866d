package wire

import (
	"bytes"
	"errors"
	"io"
	"math"
	"runtime"
	"strings"
	"testing"
)

// A parser computes its counts from what a peer sent: a length shorter than its
// own header, or one of 64 bits.
func TestReaderRefusesSenselessCounts(t *testing.T) {
	calls := map[string]func(*Reader, int) error{
		"Peek":    func(r *Reader, n int) error { _, err := r.Peek(n); return err },
		"Discard": func(r *Reader, n int) error { _, err := r.Discard(n); return err },
		"Alloc":   func(r *Reader, n int) error { _, err := r.Alloc(n); return err },
	}
	for name, call := range calls {
		for _, n := range []int{-1, math.MinInt, math.MaxInt, math.MaxInt - 4, 1 << 32, 1025} {
			r := NewReader(strings.NewReader(strings.Repeat("x", 8<<10)), 1024)
			r.BeginFrame()
			if _, err := r.Discard(8); err != nil {
				t.Fatal(err)
			}
			if err := noPanic(func() error { return call(r, n) }); !errors.Is(err, ErrFrameTooLarge) {
				t.Errorf("%s(%d): %v, want ErrFrameTooLarge", name, n, err)
			}
			if r.Consumed() != 8 {
				t.Errorf("%s(%d): %d bytes consumed, want 8", name, n, r.Consumed())
			}
		}
	}
}

func TestDatagramReaderRefusesSenselessCounts(t *testing.T) {
	for _, n := range []int{-1, math.MinInt} {
		r := NewDatagramReader(1024)
		r.Reset([]byte("frame"))
		if err := noPanic(func() error { _, err := r.Peek(n); return err }); err == nil {
			t.Errorf("Peek(%d): no error", n)
		}
		if err := noPanic(func() error {
			if k, err := r.Discard(n); k == 0 {
				return err
			}
			return nil
		}); err == nil {
			t.Errorf("Discard(%d): no error", n)
		}
		if b, err := io.ReadAll(r); string(b) != "frame" || err != nil {
			t.Errorf("then Read: %q, %v", b, err)
		}
	}
}

type panicked struct{ v any }

func (p panicked) Error() string { return "panic" }

func noPanic(f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = panicked{v}
		}
	}()
	return f()
}

// After the limit was hit, nothing of the stream can be trusted.
func TestReaderTooLargeIsSticky(t *testing.T) {
	hits := map[string]func(*Reader){
		"Read": func(r *Reader) { _, _ = io.ReadAll(r) },
		"Peek": func(r *Reader) { _, _ = r.Peek(101) },
		"Discard": func(r *Reader) {
			_, _ = r.Discard(60)
			_, _ = r.Discard(60)
		},
		"Alloc": func(r *Reader) { _, _ = r.Alloc(math.MaxInt32) },
	}
	for name, hit := range hits {
		r := NewReader(strings.NewReader(strings.Repeat("x", 1000)), 100)
		r.BeginFrame()
		if r.TooLarge() != nil {
			t.Errorf("%s: TooLarge before", name)
		}
		hit(r)
		if !errors.Is(r.TooLarge(), ErrFrameTooLarge) {
			t.Errorf("%s: TooLarge() = %v", name, r.TooLarge())
		}
		r.BeginFrame() // a parser that hides the error and goes on
		if n, err := r.Read(make([]byte, 1)); n != 0 || !errors.Is(err, ErrFrameTooLarge) {
			t.Errorf("Read after %s: %d, %v", name, n, err)
		}
		if b, err := r.Peek(1); len(b) != 0 || !errors.Is(err, ErrFrameTooLarge) {
			t.Errorf("Peek after %s: %q, %v", name, b, err)
		}
		if n, err := r.Discard(1); n != 0 || !errors.Is(err, ErrFrameTooLarge) {
			t.Errorf("Discard after %s: %d, %v", name, n, err)
		}
		if b, err := r.Alloc(1); b != nil || !errors.Is(err, ErrFrameTooLarge) {
			t.Errorf("Alloc after %s: %q, %v", name, b, err)
		}
	}
}

// However a parser takes them, no more than limit bytes of a frame get out.
func TestReaderLimit(t *testing.T) {
	const limit = directRead + 16<<10
	take := map[string]func(*Reader, int) (int, error){
		"Read":     func(r *Reader, n int) (int, error) { return r.Read(make([]byte, n)) },
		"ReadFull": func(r *Reader, n int) (int, error) { return io.ReadFull(r, make([]byte, n)) },
		"Discard":  func(r *Reader, n int) (int, error) { return r.Discard(n) },
		"Peek": func(r *Reader, n int) (int, error) {
			if b, err := r.Peek(n); err != nil {
				return len(b), err
			}
			return r.Discard(n)
		},
	}
	for name, take := range take {
		for _, step := range []int{1, 7, 4096, directRead, limit, limit + 1} {
			src := bytes.NewReader(make([]byte, 10*limit))
			r := NewReader(src, limit)
			for range 3 { // frames of exactly the limit
				r.BeginFrame()
				for left := limit; left > 0; {
					n, err := take(r, min(step, left))
					if left -= n; err != nil {
						t.Fatalf("%s by %d: %v with %d left", name, step, err, left)
					}
				}
				if r.Consumed() != limit {
					t.Fatalf("%s by %d: consumed %d, want %d", name, step, r.Consumed(), limit)
				}
			}
			r.BeginFrame() // and one that has no end
			total, err := 0, error(nil)
			for err == nil && total <= 2*limit {
				var n int
				n, err = take(r, step)
				total += n
			}
			if total > limit || !errors.Is(err, ErrFrameTooLarge) {
				t.Errorf("%s by %d: %d bytes of a frame got out, at most %d are allowed: %v", name, step, total, limit, err)
			}
		}
	}
}

// progressing gives a Reader up that reads nothing for ever.
type progressing struct {
	io.Reader
	empty *int
}

func (p progressing) Read(b []byte) (int, error) {
	n, err := p.Reader.Read(b)
	if n == 0 && err == nil {
		if *p.empty++; *p.empty > 100 {
			err = io.ErrNoProgress
		}
	}
	return n, err
}

func TestReaderWithoutLimit(t *testing.T) {
	r := NewReader(bytes.NewReader(make([]byte, 1<<20)), 0)
	if n, err := r.Discard(1 << 19); n != 1<<19 || err != nil {
		t.Errorf("Discard: %d, %v", n, err)
	}
	if b, err := io.ReadAll(progressing{r, new(int)}); len(b) != 1<<19 || err != nil {
		t.Errorf("ReadAll: %d, %v", len(b), err)
	}
	if b, err := r.Alloc(1 << 24); len(b) != 1<<24 || err != nil {
		t.Errorf("Alloc: %d, %v", len(b), err)
	}
}

// allocated returns how many bytes f allocates, by the least of ten measurements: what else
// the process does meanwhile, as on a busy machine, adds to them.
func allocated(f func()) uint64 {
	least := uint64(math.MaxUint64)
	for range 10 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		f()
		runtime.ReadMemStats(&after)
		least = min(least, after.TotalAlloc-before.TotalAlloc)
	}
	return least
}

func TestReaderRefusesBeforeItAllocates(t *testing.T) {
	const limit = 1 << 30
	huge := []byte{0xff, 0xff, 0xff, 0xff}
	n := allocated(func() {
		r := NewReader(bytes.NewReader(huge), limit)
		if _, err := r.Peek(4); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Alloc(math.MaxUint32); !errors.Is(err, ErrFrameTooLarge) {
			t.Error(err)
		}
		r = NewReader(bytes.NewReader(huge), limit)
		if _, err := r.Peek(math.MaxUint32); !errors.Is(err, ErrFrameTooLarge) {
			t.Error(err)
		}
		d := NewDatagramReader(limit)
		d.Reset(huge)
		if _, err := d.Alloc(math.MaxUint32); !errors.Is(err, ErrFrameTooLarge) {
			t.Error(err)
		}
		if _, err := d.Alloc(limit); !errors.Is(err, ErrFrameTooLarge) {
			t.Error(err)
		}
	})
	if n >= 64<<10 {
		t.Errorf("%d bytes allocated for a length of 0xffffffff", n)
	}
}

// A parser that looks for the end of a frame asks for one byte more each time.
func TestPeekByOneIsNotQuadratic(t *testing.T) {
	const from, steps = maxReadBuffer, 2000
	all := make([]byte, from+steps)
	n := allocated(func() {
		r := NewReader(bytes.NewReader(all), 1<<20)
		for i := -1; i < steps; i++ {
			if _, err := r.Peek(from + i + 1); err != nil {
				t.Fatal(err)
			}
		}
	})
	if n > 4<<20 {
		t.Errorf("%d MiB allocated to look at %d more bytes", n>>20, steps)
	}
}
