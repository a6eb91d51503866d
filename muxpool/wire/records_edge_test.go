package wire

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
)

// stingy is a socket's RawConn of which the kernel takes so many bytes, once; then it is closed.
type stingy struct {
	syscall.RawConn
	raw   *rawWriter
	takes int
	close func() error
	over  bool
}

func (s *stingy) Write(f func(fd uintptr) bool) error {
	if s.over {
		return s.RawConn.Write(f)
	}
	s.over = true
	s.raw.buf = s.raw.buf[:s.takes]
	defer func() { _ = s.close() }()
	return s.RawConn.Write(f)
}

// TestFrameOfWhichTheKernelTookAPart: of records that are written at once all may have been sent when the kernel
// has any byte of them, and none when it has none.
func TestFrameOfWhichTheKernelTookAPart(t *testing.T) {
	const size = 4 << 10
	for _, row := range []struct{ frames, takes, maybe int }{{1, 10, 1}, {1, 1, 1}, {1, 0, 0}, {46, 10, 16}, {46, 0, 0}} {
		a, _ := pair(t, "tls")
		failed := make(chan error, 1)
		w := NewWriter(a, WriterConfig{OnError: func(err error) { failed <- err }})
		w.raw.conn = &stingy{RawConn: w.raw.conn, raw: w.raw, takes: row.takes, close: Bare(a).Close}
		held(t, w, row.frames, size)()
		if err := bounded.Receive(t, failed); !errors.Is(err, net.ErrClosed) {
			t.Errorf("the Writer failed with %v", err)
		}
		maybe := 0
		for w.MaybeSent(uint64(maybe * size)) {
			maybe++
		}
		if maybe != row.maybe {
			t.Errorf("%d frames, of which the kernel took %d bytes: %d may have been sent, want %d", row.frames, row.takes, maybe, row.maybe)
		}
	}
}

// TestWhatTLSWritesByItselfIsBoundedToTheByte: as many bytes may wait, and no more.
func TestWhatTLSWritesByItselfIsBoundedToTheByte(t *testing.T) {
	a, _ := pair(t, "tls")
	w := NewWriter(a, WriterConfig{})
	setWriting(w, true) // who is at it
	for _, step := range []struct {
		n    int
		want error
	}{{maxForeign + 1, errForeign}, {maxForeign - 1, nil}, {2, errForeign}, {1, nil}, {1, errForeign}} {
		k, err := w.records.Write(make([]byte, step.n))
		if err != step.want || (k == step.n) != (err == nil) {
			t.Errorf("%d bytes more: %d, %v, want %v", step.n, k, err, step.want)
		}
	}
	if n := w.records.waiting.Load(); n != maxForeign {
		t.Errorf("%d bytes wait, want %d", n, maxForeign)
	}
}

// TestWhatTLSWritesByItselfBesideABatch: it is bounded while records are made of a batch, where it cannot be told
// from them, and is not refused for them until they are being written.
func TestWhatTLSWritesByItselfBesideABatch(t *testing.T) {
	a, _ := pair(t, "tls")
	w := NewWriter(a, WriterConfig{})
	setWriting(w, true) // who is at it
	r := w.records
	for i, step := range []struct {
		now  func()
		n    int
		want error
	}{
		{func() {}, maxForeign, nil},
		{func() { r.seals(sealsMore) }, maxSealed, nil},
		{func() {}, 1, errForeign},
		{func() { r.seals(sealsNone); r.next() }, maxForeign, nil}, // behind what is being written
		{func() {}, 1, errForeign},
		{func() { r.took(len(r.rest())); r.next(); r.seals(sealsMore) }, maxSealed - 1, nil},
		{func() { r.seals(sealsNone) }, maxForeign, nil}, // made, and not yet being written
		{func() {}, 2, errForeign},
		{func() {}, 1, nil},
	} {
		step.now()
		if _, err := r.Write(make([]byte, step.n)); err != step.want {
			t.Errorf("step %d, %d bytes more: %v, want %v", i, step.n, err, step.want)
		}
	}
}

// TestDeadlinesBeneathTLS: until there is a Writer they are the socket's, as a handshake needs; then none ends
// a write.
func TestDeadlinesBeneathTLS(t *testing.T) {
	a, b := socketPair(t, "unix")
	defer a.Close()
	defer b.Close()
	nc := BeneathTLS(a)
	past, never := time.Unix(1, 0), time.Time{}
	for i, step := range []struct {
		set              func(time.Time) error
		at               time.Time
		writer           bool
		reads, writesEnd bool
	}{
		{nc.SetWriteDeadline, past, false, false, true},
		{nc.SetWriteDeadline, never, false, false, false},
		{nc.SetDeadline, past, false, true, true},
		{nc.SetDeadline, never, false, false, false},
		{nc.SetReadDeadline, past, false, true, false},
		{nc.SetDeadline, never, true, false, false},
		{nc.SetWriteDeadline, past, true, false, false},
		{nc.SetDeadline, past, true, true, false},
	} {
		if step.writer {
			NewWriter(tls.Client(nc, nil), WriterConfig{})
		}
		if err := step.set(step.at); err != nil {
			t.Fatal(err)
		}
		if _, err := a.Write([]byte("x")); errors.Is(err, os.ErrDeadlineExceeded) != step.writesEnd || !step.writesEnd && err != nil {
			t.Errorf("step %d: a write ends with %v", i, err)
		}
		if !step.reads { // or it would wait
			if _, err := b.Write([]byte("x")); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := a.Read(make([]byte, 1)); errors.Is(err, os.ErrDeadlineExceeded) != step.reads || !step.reads && err != nil {
			t.Errorf("step %d: a read ends with %v", i, err)
		}
	}
}

// TestRecordsAreGivenBack: a Shrink leaves no memory of records, and what comes then is written.
func TestRecordsAreGivenBack(t *testing.T) {
	a, b := pair(t, "tls")
	w := NewWriter(a, WriterConfig{})
	for range 2 {
		read := make(chan error, 1)
		go func() { read <- inOrder(b, 46, 4<<10) }()
		held(t, w, 46, 4<<10)()
		if err := bounded.Receive(t, read); err != nil {
			t.Fatal(err)
		}
		checkIdle(t, w)
		r := w.records
		if cap(r.buf)+cap(r.out) == 0 {
			t.Error("it was no batch of records")
		}
		if w.Shrink(); cap(r.buf)+cap(r.out) != 0 {
			t.Errorf("%d and %d bytes are kept", cap(r.buf), cap(r.out))
		}
	}
	r := w.records // what TLS writes by itself while others are being written has memory of its own
	setWriting(w, true)
	for range 2 {
		if _, err := r.Write([]byte("alert")); err != nil {
			t.Fatal(err)
		}
		r.next()
	}
	w.writeOnce()
	if cap(r.buf) == 0 || cap(r.out) == 0 {
		t.Errorf("memory of %d and %d bytes", cap(r.buf), cap(r.out))
	}
	if w.Shrink(); cap(r.buf)+cap(r.out) != 0 {
		t.Errorf("%d and %d bytes are kept", cap(r.buf), cap(r.out))
	}
}

// TestTLSThatIsShutDownDuringAWriteFailsTheWriter: what was not made a record of by then is not sent.
func TestTLSThatIsShutDownDuringAWriteFailsTheWriter(t *testing.T) {
	a, b := pair(t, "tls")
	small(t, Bare(a), Bare(b))
	failed := make(chan error, 1)
	w := NewWriter(a, WriterConfig{MaxBytes: 1 << 30, OnError: func(err error) { failed <- err }})
	held(t, w, 300, 4<<10)() // the kernel takes a part, a flusher has the rest
	if err := a.(*tls.Conn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = io.Copy(io.Discard, Bare(b)) }()
	if err := bounded.Receive(t, failed); !strings.Contains(err.Error(), "protocol is shutdown") {
		t.Errorf("the Writer failed with %v", err)
	}
	if sent, _, err := w.Sent(0); sent || err == nil {
		t.Errorf("Sent: %v, %v", sent, err)
	}
}

// full is a socket's RawConn of which the kernel takes nothing now.
type full struct{ syscall.RawConn }

func (full) Write(func(fd uintptr) bool) error { return nil }

// tardy is a connection of which the kernel takes no more than so many bytes a write, and says why.
type tardy struct {
	net.Conn
	takes  int
	why    error
	writes atomic.Int64
}

func (c *tardy) Write(b []byte) (int, error) {
	c.writes.Add(1)
	n, err := c.Conn.Write(b[:min(len(b), c.takes)])
	if err == nil && n < len(b) {
		err = c.why
	}
	return n, err
}

// TestRecordsBehindADeadline: where nobody tells what the peer has, a write of records that runs into its deadline
// goes on, from the very byte on, if the kernel took any; any other error ends it.
func TestRecordsBehindADeadline(t *testing.T) {
	const frames, size = 46, 4 << 10
	for name, row := range map[string]struct {
		takes int
		why   error
		whole bool
	}{
		"it took some":          {5000, os.ErrDeadlineExceeded, true},
		"it took a byte":        {1, os.ErrDeadlineExceeded, true},
		"it took none":          {0, os.ErrDeadlineExceeded, false},
		"some, and it was lost": {5000, syscall.ECONNRESET, false},
	} {
		t.Run(name, func(t *testing.T) {
			a, b := pair(t, "tls")
			failed := make(chan error, 1)
			w := NewWriter(a, WriterConfig{OnError: func(err error) { failed <- err }})
			n := frames
			if row.takes == 1 {
				n = 1 // a system call for each byte
			}
			nc := &tardy{Conn: w.records.Conn, takes: row.takes, why: row.why}
			w.odometer, w.raw.conn, w.records.Conn = nil, full{w.raw.conn}, nc
			held(t, w, n, size)()
			if row.whole {
				if err := inOrder(b, n, size); err != nil {
					t.Error(err)
				}
				checkIdle(t, w)
				return
			}
			if err := bounded.Receive(t, failed); !errors.Is(err, row.why) || nc.writes.Load() != 1 {
				t.Errorf("%v after %d writes, want %v after one", err, nc.writes.Load(), row.why)
			}
		})
	}
}
