package wire

import (
	"fmt"
	"net"
	"sync"
	"testing"
	"time"
)

// held queues frames as one batch: nobody writes until release.
func held(t *testing.T, w *Writer, frames, size int) (release func()) {
	t.Helper()
	w.mu.Lock()
	w.writing = true
	w.mu.Unlock()
	for i := range frames {
		write(t, w, appendFrame(nil, 1, uint32(i), size))
	}
	return func() { w.lead(false) }
}

// The kernel takes a part of a batch; the flusher writes the rest, from the very
// byte on. Batches with large frames go to the flusher whole.
func TestPartialWrite(t *testing.T) {
	for _, transport := range []string{"tcp", "unix", "tls"} {
		for _, size := range []int{17, 1000, refMin - 1, refMin, 50000} {
			t.Run(fmt.Sprint(transport, "/", size), func(t *testing.T) {
				a, b := pair(t, transport)
				small(t, Bare(a), Bare(b))
				w := NewWriter(a, WriterConfig{MaxFrames: 1 << 20, MaxBytes: 1 << 30, Timeout: time.Hour})
				frames := 1<<20/size + 1
				held(t, w, frames, size)()
				w.mu.Lock()
				writing, sent, end := w.writing, w.sent, w.end
				w.mu.Unlock()
				if !writing || sent != 0 {
					t.Fatalf("the kernel took all %d bytes at once: writing %v, sent %d", end, writing, sent)
				}
				if !w.MaybeSent(0) || !w.MaybeSent(end-1) || w.MaybeSent(end) {
					t.Error("what is being written may have been sent, and no more")
				}
				write(t, w, appendFrame(nil, 1, uint32(frames), size)) // joins the flusher's next batch
				if err := inOrder(b, frames+1, max(size, frameHead)); err != nil {
					t.Fatal(err)
				}
				checkIdle(t, w)
			})
		}
	}
}

// deadlines remembers the write deadline of a socket, so that the test can let it
// pass without waiting.
type deadlines struct {
	net.Conn
	mu   sync.Mutex
	last time.Time
}

func (d *deadlines) SetWriteDeadline(t time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.last = t
	return d.Conn.SetWriteDeadline(t)
}

// pass lets the deadline pass, if there is one.
func (d *deadlines) pass() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.last.IsZero() {
		_ = d.Conn.SetWriteDeadline(time.Unix(1, 0))
	}
}

// What ends the descriptor's use is told: nothing was written, and nothing will be.
func TestRawWriteToWhatIsClosed(t *testing.T) {
	for name, end := range map[string]func(a, b net.Conn) error{
		"closed":                func(a, _ net.Conn) error { return a.Close() },
		"a deadline has passed": func(a, _ net.Conn) error { return a.SetWriteDeadline(time.Unix(1, 0)) },
	} {
		for _, transport := range []string{"tcp", "unix"} {
			t.Run(transport+"/"+name, func(t *testing.T) {
				a, b := pair(t, transport)
				raw := newRawWriter(a)
				if n, err := raw.write([]byte("alive")); n != 5 || err != nil {
					t.Fatalf("wrote %d, %v", n, err)
				}
				if err := end(a, b); err != nil {
					t.Fatal(err)
				}
				if n, err := raw.write([]byte("dead")); n != 0 || err == nil {
					t.Errorf("wrote %d, %v", n, err)
				}
			})
		}
	}
}

// A deadline that the flusher left behind would fail the next write that does not
// block, seconds or days later.
func TestStaleDeadline(t *testing.T) {
	for _, transport := range []string{"tcp", "unix"} {
		a, b := pair(t, transport)
		d := &deadlines{Conn: a}
		w := NewWriter(d, WriterConfig{MaxBytes: 1 << 30, OnError: func(err error) { t.Error(err) }})
		w.raw = newRawWriter(a) // not looked for in a net.Conn that wraps one
		got := newSink(b)
		size := 0
		for i := range 10 {
			for _, n := range []int{10 * refMin, 100} { // by the flusher, and at once
				frame := appendFrame(nil, 1, uint32(i), n)
				size += len(frame)
				write(t, w, frame)
				checkIdle(t, w)
				d.pass()
			}
		}
		a.Close()
		if n := len(got.bytes()); n != size {
			t.Errorf("%s: %d bytes came, want %d", transport, n, size)
		}
	}
}
