package wire

import (
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
)

// idle is a connection of a user's own that takes nothing, and says nothing of it.
type idle struct{ net.Conn }

func (idle) Write([]byte) (int, error) { return 0, nil }

// TestWritesThatTakeNothing: a write that takes nothing without an error would be made for ever.
func TestWritesThatTakeNothing(t *testing.T) {
	p, q := net.Pipe()
	defer p.Close()
	defer q.Close()
	failed := make(chan error, 1)
	w := NewWriter(idle{p}, WriterConfig{OnError: func(err error) { failed <- err }})
	if _, err := w.TryWrite([]byte("frame")); err != nil {
		t.Fatal(err)
	}
	if err := bounded.Receive(t, failed); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("%v", err)
	}
}

// TestFramesOfAByte: nor is a write of one byte one of nothing.
func TestFramesOfAByte(t *testing.T) {
	for _, transport := range transports {
		a, b := pair(t, transport)
		w := NewWriter(a, WriterConfig{OnError: func(err error) { t.Errorf("%s: %v", transport, err) }})
		for i := range byte(3) {
			write(t, w, []byte{i})
			var got [1]byte
			if _, err := io.ReadFull(b, got[:]); err != nil || got[0] != i {
				t.Fatalf("%s: %v, %v, want %d", transport, got, err, i)
			}
			checkIdle(t, w)
		}
	}
}

// TestWhatTheKernelTookMayHaveBeenSent: of a batch that a connection's end cuts off, what the kernel has, and
// not a byte more.
func TestWhatTheKernelTookMayHaveBeenSent(t *testing.T) {
	for _, transport := range []string{"tcp", "unix"} {
		for _, size := range []int{1000, refMin} {
			t.Run(fmt.Sprint(transport, "/", size), func(t *testing.T) {
				a, b := pair(t, transport)
				small(t, a, b)
				failed := make(chan error, 1)
				w := NewWriter(a, WriterConfig{MaxFrames: 1 << 20, MaxBytes: 1 << 30, Timeout: time.Hour, OnError: func(err error) { failed <- err }})
				held(t, w, 1<<20/size, size)()
				write(t, w, make([]byte, size)) // of the next batch
				one := make([]byte, 1)
				if _, err := b.Read(one); err != nil { // somebody is at it
					t.Fatal(err)
				}
				a.Close()
				bounded.Receive(t, failed)
				n, err := io.Copy(io.Discard, b)
				if took := uint64(n + 1); err != nil || !w.MaybeSent(took-1) || w.MaybeSent(took) {
					t.Errorf("the kernel took %d bytes, %v: maybe sent are the last %v, the next %v", took, err, w.MaybeSent(took-1), w.MaybeSent(took))
				}
			})
		}
	}
}

// TestBacklogIsWhatWaits: what is told of the queue, added up, is what the kernel has not taken, and
// nothing when all has ended; and what it has taken is told.
func TestBacklogIsWhatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := net.Pipe()
		backlog := 0
		w := NewWriter(a, WriterConfig{Timeout: time.Hour, Backlog: func(bytes int) { backlog += bytes }})
		read := func(n int) {
			if _, err := io.ReadFull(b, make([]byte, n)); err != nil {
				t.Fatal(err)
			}
		}
		for i, step := range []struct {
			do            func()
			backlog       int
			bytes, writes uint64
		}{
			{func() { w.Precede([]byte("head")) }, 0, 0, 0},
			{func() { write(t, w, []byte("frame")) }, 9, 0, 1},
			{func() { write(t, w, []byte("more")) }, 13, 0, 1},
			{func() { read(9) }, 4, 9, 2},
			{func() { read(4) }, 0, 13, 2},
			{func() { write(t, w, []byte("is lost")) }, 7, 13, 3},
			{func() { write(t, w, []byte("dropped")) }, 14, 13, 3},
			{func() { w.Close(errTest) }, 7, 13, 3},
			{func() { a.Close() }, 0, 13, 3},
		} {
			step.do()
			synctest.Wait()
			if bytes, writes := w.Written(); backlog != step.backlog || bytes != step.bytes || writes != step.writes {
				t.Errorf("step %d: a backlog of %d, %d bytes in %d writes, want %d, %d in %d", i, backlog, bytes, writes, step.backlog, step.bytes, step.writes)
			}
		}
	})
}

// TestEndedWriterHoldsNothing: whatever was queued, or is kept for the next batch.
func TestEndedWriterHoldsNothing(t *testing.T) {
	a, b := net.Pipe()
	w := NewWriter(a, WriterConfig{})
	write(t, w, make([]byte, 1000))
	if _, err := io.ReadFull(b, make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	checkIdle(t, w)
	setWriting(w, true)
	write(t, w, make([]byte, 1000))
	write(t, w, make([]byte, 2*refMinPlain))
	w.Close(errTest)
	if kept := cap(w.pending.buf) + cap(w.spare.buf) + cap(w.active.buf); kept != 0 || w.pending.size != 0 {
		t.Errorf("it holds %d bytes, %d are queued", kept, w.pending.size)
	}
	a.Close()
	b.Close()
}

// gone is a connection whose Write does not return.
type gone struct {
	net.Conn
	end func()
}

func (g gone) Write([]byte) (int, error) { g.end(); return 0, nil }

// TestWriteThatDoesNotReturn: a connection of a user's own that panics, or ends the goroutine, has failed, and
// its flusher is over.
func TestWriteThatDoesNotReturn(t *testing.T) {
	for want, end := range map[string]func(){
		"muxpool: the connection's Write did not return: boom":  func() { panic("boom") },
		"muxpool: the connection's Write did not return: <nil>": runtime.Goexit,
	} {
		synctest.Test(t, func(t *testing.T) {
			a, _ := net.Pipe()
			var g goroutines
			var failed []error
			w := NewWriter(gone{a, end}, WriterConfig{Flushers: &g, OnError: func(err error) { failed = append(failed, err) }})
			write(t, w, []byte("frame"))
			synctest.Wait()
			if len(failed) != 1 || failed[0].Error() != want {
				t.Errorf("the Writer failed with %v, want %s", failed, want)
			}
			if n, over := g.begun.Load(), g.ended.Load(); n != 1 || over != 1 {
				t.Errorf("%d flushers began, %d are over", n, over)
			}
		})
	}
}

// TestFailedWriterHoldsNothing: nor does one whose write has failed, and nobody is at it.
func TestFailedWriterHoldsNothing(t *testing.T) {
	for name, fail := range map[string]func(w *Writer, a net.Conn){
		"during a write":  func(_ *Writer, a net.Conn) { a.Close() },
		"closed under it": func(w *Writer, a net.Conn) { w.Close(errTest); a.Close() },
	} {
		synctest.Test(t, func(t *testing.T) {
			a, _ := net.Pipe()
			w := NewWriter(a, WriterConfig{Timeout: time.Hour})
			write(t, w, make([]byte, 1000))
			write(t, w, make([]byte, 2*refMinPlain))
			synctest.Wait()
			fail(w, a)
			synctest.Wait()
			if kept := cap(w.pending.buf) + cap(w.spare.buf) + cap(w.active.buf) + cap(w.active.refs); kept != 0 || w.active.size != 0 {
				t.Errorf("failed %s it holds %d, and writes %d bytes", name, kept, w.active.size)
			}
			if writing(w) {
				t.Errorf("failed %s: somebody writes", name)
			}
		})
	}
	a, _ := net.Pipe()
	defer a.Close()
	w := NewWriter(a, WriterConfig{})
	setWriting(w, true)
	write(t, w, []byte("frame"))
	w.Close(errTest) // before the one who is to write begins
	if w.writeOnce(); writing(w) {
		t.Error("failed before a write: somebody writes")
	}
}

// TestWriteThatFailsInTheMiddle: an error that is no deadline ends the Writer, also where a part was taken.
func TestWriteThatFailsInTheMiddle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := net.Pipe()
		defer b.Close()
		failed := make(chan error, 1)
		nc := &tardy{Conn: a, takes: 5, why: errTest}
		w := NewWriter(nc, WriterConfig{Timeout: time.Hour, OnError: func(err error) { failed <- err; a.Close() }})
		write(t, w, []byte("five and more"))
		got, _ := io.ReadAll(b)
		if err := bounded.Receive(t, failed); err != errTest || string(got) != "five " || nc.writes.Load() != 1 {
			t.Errorf("%v after %d writes, of which came %q", err, nc.writes.Load(), got)
		}
	})
}
