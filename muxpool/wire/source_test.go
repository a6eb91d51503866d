package wire

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
)

// packets returns both ends of a connection that keeps the borders of writes: one
// read returns what one write wrote.
func packets(t *testing.T) (a, b net.Conn) {
	t.Helper()
	l, err := net.Listen("unixpacket", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Skip("no unixpacket here: ", err)
	}
	defer l.Close()
	accepted := make(chan error, 1)
	go func() {
		var err error
		b, err = l.Accept()
		accepted <- err
	}()
	a, err = net.Dial("unixpacket", l.Addr().String())
	if err := errors.Join(err, bounded.Receive(t, accepted)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close(); b.Close() })
	return a, b
}

// packet returns what one write of the peer wrote.
func packet(t *testing.T, nc net.Conn) string {
	t.Helper()
	p := make([]byte, 64<<10)
	n, err := nc.Read(p)
	if err != nil {
		t.Fatal(err)
	}
	return string(p[:n])
}

// busy makes src read a byte of its peer: from then on its reader is busy.
func busy(t *testing.T, src *Source, peer net.Conn) {
	t.Helper()
	if _, err := peer.Write([]byte("?")); err != nil {
		t.Fatal(err)
	}
	if n, err := src.Read(make([]byte, 8)); n != 1 || err != nil {
		t.Fatal(n, err)
	}
}

// What callers queue while the reader is busy goes out just before its next
// read, in one write.
func TestSourceFlush(t *testing.T) {
	flushes := map[string]func(*Source){
		"Flush": (*Source).Flush,
		"Read": func(s *Source) {
			_ = s.nc.SetReadDeadline(time.Unix(1, 0))
			if _, err := s.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("Read: %v", err)
			}
			_ = s.nc.SetReadDeadline(time.Time{})
		},
	}
	for name, flush := range flushes {
		for _, woke := range []int{0, 1, 3, 100} { // 100: most of them have no next frame
			a, b := packets(t)
			w := NewWriter(a, WriterConfig{})
			w.InFlight.Store(3)
			src := w.NewSource()
			busy(t, src, b)
			for range woke {
				src.Woke()
			}
			for _, frame := range []string{"one", "two", "three"} {
				write(t, w, []byte(frame))
			}
			if frames, size := w.Queued(); frames != 3 || size != 11 {
				t.Errorf("%s, woke %d: %d frames, %d bytes queued behind a busy reader", name, woke, frames, size)
			}
			flush(src)
			if got := packet(t, b); got != "onetwothree" {
				t.Errorf("%s, woke %d: one write wrote %q", name, woke, got)
			}
			write(t, w, []byte("four")) // the reader has resigned
			if got := packet(t, b); got != "four" {
				t.Errorf("%s, woke %d: then one write wrote %q", name, woke, got)
			}
			checkIdle(t, w)
		}
	}
}

// A lone caller does not wait for the reader.
func TestLoneCallerLeads(t *testing.T) {
	a, b := packets(t)
	w := NewWriter(a, WriterConfig{})
	w.InFlight.Store(1)
	src := w.NewSource()
	busy(t, src, b)
	write(t, w, []byte("alone"))
	if got := packet(t, b); got != "alone" {
		t.Errorf("one write wrote %q", got)
	}
	src.Flush()
	checkIdle(t, w)
}

// The kernel takes nothing: the reader hands over to the flusher and reads on.
func TestFlushDoesNotBlock(t *testing.T) {
	a, b := pair(t, "unix")
	small(t, a, b)
	w := NewWriter(a, WriterConfig{MaxBytes: 1 << 30, Timeout: time.Hour})
	w.InFlight.Store(2)
	src := w.NewSource()
	busy(t, src, b)
	frame := strings.Repeat("x", refMin-1)
	for range 500 {
		write(t, w, []byte(frame))
	}
	bounded.Wait(t, src.Flush)
	busy(t, src, b) // while the flusher has the write side
	write(t, w, []byte("the end"))
	bounded.Wait(t, src.Flush)
	got := newSink(b)
	checkIdle(t, w)
	a.Close()
	if n := len(got.bytes()); n != 500*len(frame)+len("the end") {
		t.Errorf("%d bytes came", n)
	}
}

// Flush on a connection that the peer has reset ends the Writer.
func TestFlushFails(t *testing.T) {
	a, b := packets(t)
	failed := make(chan error, 1)
	w := NewWriter(a, WriterConfig{OnError: func(err error) { failed <- err }})
	w.InFlight.Store(2)
	src := w.NewSource()
	busy(t, src, b)
	offset := write(t, w, []byte("late"))
	b.Close()
	src.Flush()
	err := bounded.Receive(t, failed)
	if !errors.Is(err, syscall.EPIPE) && !errors.Is(err, syscall.ECONNRESET) {
		t.Error(err)
	}
	if w.MaybeSent(offset) {
		t.Error("the kernel refused the frame, and it may have been sent")
	}
	if _, got := w.TryWrite([]byte("more")); got != err {
		t.Errorf("then TryWrite: %v, want %v", got, err)
	}
	src.Flush()
	runtime.KeepAlive(b)
}

// Without a write that does not block, the reader never leads.
func TestNoLeaderUnderTLS(t *testing.T) {
	a, b := pair(t, "tls alone")
	w := NewWriter(a, WriterConfig{})
	w.InFlight.Store(2)
	src := w.NewSource()
	busy(t, src, b)
	write(t, w, []byte("at once"))
	if got := packet(t, b); got != "at once" {
		t.Errorf("%q", got)
	}
	src.Woke()
	src.Woke()
	src.Flush()
	checkIdle(t, w)
}
