package wire

import (
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
)

var errTest = errors.New("wire test: the end")

// A queued frame that Close dropped was not sent, so WaitSent must not say so.
func TestWaitSentAfterDrop(t *testing.T) {
	a, _ := net.Pipe()
	defer a.Close()
	w := NewWriter(a, WriterConfig{})
	w.writing = true // nobody takes what is queued
	write(t, w, []byte("dropped"))
	w.Close(errTest)
	if err := w.WaitSent(nil); err != errTest {
		t.Errorf("WaitSent after Close dropped the only frame: %v, want %v", err, errTest)
	}
}

// The same behind a frame that was sent.
func TestWaitSentAfterLaterDrop(t *testing.T) {
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	go io.Copy(io.Discard, b)
	w := NewWriter(a, WriterConfig{})
	first := write(t, w, []byte("sent"))
	checkIdle(t, w)
	w.mu.Lock()
	w.writing = true
	w.mu.Unlock()
	second := write(t, w, []byte("dropped"))
	w.Close(errTest)
	if sent, _, err := w.Sent(first); !sent || err != nil {
		t.Errorf("Sent(first): %v, %v", sent, err)
	}
	if sent, _, err := w.Sent(second); sent || err != errTest {
		t.Errorf("Sent(second): %v, %v", sent, err)
	}
	if !w.MaybeSent(first) || w.MaybeSent(second) {
		t.Errorf("MaybeSent: %v, %v", w.MaybeSent(first), w.MaybeSent(second))
	}
	if err := w.WaitSent(nil); err != errTest {
		t.Errorf("WaitSent after Close dropped a frame: %v, want %v", err, errTest)
	}
	if err := w.WaitArrived(nil); err != errTest {
		t.Errorf("WaitArrived after Close dropped a frame: %v, want %v", err, errTest)
	}
	if !w.Idle() {
		t.Error("a Writer that has ended is not idle")
	}
}

// slowReads reads a little at a time.
type slowReads struct {
	net.Conn
	n     int
	pause time.Duration
}

func (s slowReads) Read(p []byte) (int, error) {
	time.Sleep(s.pause) // of bubble time
	return s.Conn.Read(p[:min(len(p), s.n)])
}

// A peer that takes 10 KiB a second makes progress all the time, so a write of
// six seconds is no timeout of three: on any connection.
func TestTimeoutWithProgress(t *testing.T) {
	for _, kind := range []string{"pipe", "tls"} {
		t.Run(kind, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := net.Pipe()
				var near, far net.Conn = a, slowReads{b, 1 << 10, 100 * time.Millisecond}
				if kind == "tls" {
					near, far = tlsPair(t, near, far)
				}
				w := NewWriter(near, WriterConfig{Timeout: 3 * time.Second, OnError: func(error) { a.Close() }})
				start := time.Now()
				write(t, w, appendFrame(nil, 0, 0, 64<<10))
				if err := inOrder(far, 1, 64<<10); err != nil {
					t.Errorf("%v, after %v", err, time.Since(start))
				}
				if err := w.WaitSent(nil); err != nil {
					t.Errorf("WaitSent: %v", err)
				}
				a.Close()
				b.Close()
			})
		})
	}
}

// And a peer that takes nothing more ends the Writer, within two timeouts.
func TestTimeoutWithoutProgress(t *testing.T) {
	for _, kind := range []string{"pipe", "pipe half", "tls"} {
		t.Run(kind, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := net.Pipe()
				defer a.Close()
				defer b.Close()
				var near net.Conn = a
				if kind == "tls" {
					near, _ = tlsPair(t, a, b)
				}
				failed := make(chan error, 2)
				w := NewWriter(near, WriterConfig{Timeout: 3 * time.Second, OnError: func(err error) { failed <- err }})
				start := time.Now()
				offset := write(t, w, appendFrame(nil, 0, 0, 64<<10))
				if kind == "pipe half" {
					if _, err := io.ReadFull(b, make([]byte, 32<<10)); err != nil {
						t.Fatal(err)
					}
				}
				err := bounded.Receive(t, failed)
				if !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) < 3*time.Second || time.Since(start) > 6*time.Second {
					t.Errorf("%v after %v", err, time.Since(start))
				}
				if sent, retry, got := w.Sent(offset); sent || retry != nil || got != err {
					t.Errorf("Sent: %v, %v", sent, got)
				}
				if !w.MaybeSent(offset) {
					t.Error("a frame under way at the failure may have been sent")
				}
				synctest.Wait()
				if len(failed) > 0 {
					t.Error("OnError was called twice")
				}
			})
		})
	}
}

// A peer that takes a byte in each Timeout makes progress as well.
func TestTimeoutWithLittleProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := net.Pipe()
		w := NewWriter(a, WriterConfig{Timeout: 3 * time.Second, OnError: func(error) { a.Close() }})
		write(t, w, appendFrame(nil, 0, 0, frameHead))
		if err := inOrder(slowReads{b, 1, 3*time.Second - 1}, 1, frameHead); err != nil {
			t.Error(err)
		}
		if err := w.WaitSent(nil); err != nil {
			t.Errorf("WaitSent: %v", err)
		}
	})
}

// A write that gets nowhere fails when the Timeout is over, which by default is 3 s.
func TestTimeoutOfAWrite(t *testing.T) {
	for timeout, want := range map[time.Duration]time.Duration{0: 3 * time.Second, 5 * time.Second: 5 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			a, b := net.Pipe()
			defer a.Close()
			defer b.Close()
			failed := make(chan error, 1)
			w := NewWriter(a, WriterConfig{Timeout: timeout, OnError: func(err error) { failed <- err }})
			begin := time.Now()
			write(t, w, []byte("frame"))
			if err := bounded.Receive(t, failed); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(begin) != want {
				t.Errorf("a Timeout of %v: %v after %v, want it after %v", timeout, err, time.Since(begin), want)
			}
		})
	}
}

// heap returns the bytes of live objects.
func heap() int64 {
	runtime.GC()
	runtime.GC() // the second empties the victims of the pools
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// What a Writer keeps after a busy time and a Shrink is little.
func TestShrinkWriter(t *testing.T) {
	const writers, frames = 20, 500
	var ws [writers]*Writer
	for i := range ws {
		a, b := net.Pipe()
		t.Cleanup(func() { a.Close(); b.Close() })
		go io.Copy(io.Discard, b)
		ws[i] = NewWriter(a, WriterConfig{MaxBytes: 64 << 20})
		write(t, ws[i], []byte("the peer has its buffer"))
		checkIdle(t, ws[i])
		ws[i].Shrink()
	}
	before := heap()
	for _, w := range ws {
		w.mu.Lock()
		w.writing = true // gather one large batch
		w.mu.Unlock()
		for range frames {
			write(t, w, make([]byte, 100))
			write(t, w, make([]byte, refMin))
		}
		go w.flush()
		checkIdle(t, w)
		w.Shrink()
	}
	kept := (heap() - before) / writers
	for looks := 1; looks < 50 && kept > 4<<10; looks++ { // somebody's garbage is gone by then
		kept = min(kept, (heap()-before)/writers)
	}
	if kept > 4<<10 {
		t.Errorf("%d bytes of heap kept by each idle writer", kept)
	}
	runtime.KeepAlive(ws)
}

// While the queue is full, a frame that has to wait is not copied for each try.
func TestRetryDoesNotCopy(t *testing.T) {
	a, _ := net.Pipe()
	defer a.Close()
	w := NewWriter(a, WriterConfig{MaxFrames: 1})
	w.writing = true
	write(t, w, []byte("full"))
	frame := make([]byte, 2<<20)
	n := allocated(func() {
		for range 10 {
			if _, err := w.TryWrite(frame); err != ErrQueueFull {
				t.Fatal(err)
			}
		}
	})
	if n > 1<<20 {
		t.Errorf("%d MiB allocated by 10 tries that found the queue full", n>>20)
	}
}
