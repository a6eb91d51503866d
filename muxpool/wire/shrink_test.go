package wire

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
)

// gatedConn reads from a channel. Its second deadline in the past takes effect
// only after gate was closed, as if the goroutine that sets it were preempted.
type gatedConn struct {
	net.Conn // nil: nothing else is called
	gate     chan struct{}
	at       chan struct{} // closed when somebody waits at the gate
	data     chan []byte

	mu    sync.Mutex
	past  int
	until time.Time
}

func (c *gatedConn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	if !t.IsZero() {
		if c.past++; c.past == 2 {
			c.mu.Unlock()
			close(c.at)
			<-c.gate
			c.mu.Lock()
		}
	}
	c.until = t
	c.mu.Unlock()
	return nil
}

func (c *gatedConn) Read(p []byte) (int, error) {
	c.mu.Lock()
	past := !c.until.IsZero()
	c.mu.Unlock()
	if past {
		return 0, os.ErrDeadlineExceeded
	}
	return copy(p, <-c.data), nil
}

// Two Shrinks, the second of which is preempted between its two steps while the
// reader obeys the first: the connection must survive.
func TestShrinkTwiceAtOnce(t *testing.T) {
	nc := &gatedConn{gate: make(chan struct{}), at: make(chan struct{}), data: make(chan []byte, 1)}
	src := NewWriter(nc, WriterConfig{}).NewSource()
	src.Shrink()
	done := make(chan struct{})
	go func() { defer close(done); src.Shrink() }()
	bounded.Wait(t, func() {
		select {
		case <-nc.at:
		case <-done: // it saw that the first is still under way
		}
	})
	if _, err := src.Read(make([]byte, 8)); err != errShrink {
		t.Fatalf("Read: %v, want errShrink", err)
	}
	close(nc.gate)
	bounded.Receive(t, done)
	nc.data <- []byte("alive")
	for {
		p := make([]byte, 8)
		n, err := src.Read(p)
		if err == errShrink {
			continue
		}
		if string(p[:n]) != "alive" || err != nil || src.Err() != nil {
			t.Fatalf("Read: %q, %v; Err: %v", p[:n], err, src.Err())
		}
		return
	}
}

// Frames that arrive while the reader is told to shrink are all there.
func TestShrinkLosesNothing(t *testing.T) {
	for _, transport := range transports {
		t.Run(transport, func(t *testing.T) {
			a, b := pair(t, transport)
			const frames, size = 400, 9000
			w := NewWriter(a, WriterConfig{})
			src := NewWriter(b, WriterConfig{}).NewSource()
			stop, stopped := make(chan struct{}), make(chan struct{})
			go func() {
				defer close(stopped)
				for {
					select {
					case <-stop:
						return
					default:
						src.Shrink()
						runtime.Gosched()
					}
				}
			}()
			go func() {
				for i := range frames {
					_, _ = w.Write(t.Context().Done(), appendFrame(nil, 1, uint32(i), frameHead+i*size/frames))
				}
			}()
			err := inOrder(NewReader(src, 0), frames, size+frameHead)
			close(stop)
			bounded.Receive(t, stopped)
			if err != nil {
				t.Fatal(err)
			}
		})
	}
}

// A real deadline of the owner is not taken for a Shrink.
func TestDeadlineIsNoShrink(t *testing.T) {
	a, b := pair(t, "tcp")
	defer b.Close()
	src := NewWriter(a, WriterConfig{}).NewSource()
	_ = a.SetReadDeadline(time.Unix(1, 0))
	r := NewReader(src, 0)
	if _, err := r.Peek(1); !errors.Is(err, os.ErrDeadlineExceeded) || !errors.Is(src.Err(), os.ErrDeadlineExceeded) {
		t.Errorf("Peek: %v; Err: %v", err, src.Err())
	}
}

// Nor is one that comes when a Shrink is over.
func TestDeadlineAfterAShrink(t *testing.T) {
	a, _ := pair(t, "tcp")
	src := NewWriter(a, WriterConfig{}).NewSource()
	src.Shrink()
	if _, err := src.Read(make([]byte, 1)); err != errShrink || src.Err() != nil {
		t.Fatalf("Read: %v; Err: %v", err, src.Err())
	}
	_ = a.SetReadDeadline(time.Unix(1, 0))
	if _, err := src.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) || src.Err() != err {
		t.Errorf("Read: %v; Err: %v", err, src.Err())
	}
}

// A Reader that waits gives its memory back, whether it waits for the first byte
// of a frame or in the middle of one.
func TestShrinkReader(t *testing.T) {
	for _, half := range []bool{false, true} {
		a, b := pair(t, "tcp")
		src := NewWriter(b, WriterConfig{}).NewSource()
		r := NewReader(src, 0)
		big := bytes.Repeat([]byte("x"), maxReadBuffer)
		go func() { _, _ = a.Write(big) }()
		if _, err := r.Peek(len(big)); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Discard(len(big)); err != nil {
			t.Fatal(err)
		}
		if len(r.buf) < maxReadBuffer {
			t.Fatalf("a buffer of %d bytes", len(r.buf))
		}
		if half {
			if _, err := a.Write([]byte("a")); err != nil {
				t.Fatal(err)
			}
			if _, err := r.Peek(1); err != nil {
				t.Fatal(err)
			}
		}
		src.Shrink()
		a.Close()
		want := idleReadBuffer
		if half {
			want = minReadBuffer
		}
		if err := r.fill(); err != io.EOF || len(r.buf) != want || half != (r.Buffered() == 1) {
			t.Errorf("half %v: %v, a buffer of %d bytes that holds %d", half, err, len(r.buf), r.Buffered())
		}
	}
}

// A read that fills a quarter of the buffer is reason enough to keep it, and one that fills it to
// make it larger.
func TestWhichReadsLeaveABufferSparse(t *testing.T) {
	const size = 4 * minReadBuffer
	for n, want := range map[int]struct{ sparse, size int }{size / 4: {0, size}, size/4 - 1: {6, size}, size: {0, 2 * size}} {
		r := &Reader{buf: make([]byte, size), sparse: 5, w: n}
		if r.adapt(n, size); r.sparse != want.sparse || len(r.buf) != want.size {
			t.Errorf("a read of %d bytes: %d reads are sparse, want %d; the buffer has %d bytes, want %d",
				n, r.sparse, want.sparse, len(r.buf), want.size)
		}
	}
}
