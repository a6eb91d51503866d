package wire

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
)

// meteredConn is a socket's RawConn that counts writes, and fails from a given one on, of which
// the kernel then takes nothing.
type meteredConn struct {
	syscall.RawConn
	writes, failAt int
	err            error
}

func (m *meteredConn) Write(f func(fd uintptr) bool) error {
	if m.writes++; m.failAt > 0 && m.writes >= m.failAt {
		return m.err
	}
	return m.RawConn.Write(f)
}

// meter puts one beneath w.
func meter(w *Writer, failAt int) *meteredConn {
	m := &meteredConn{RawConn: w.raw.conn, failAt: failAt, err: errors.New("planted")}
	w.raw.conn = m
	return m
}

// TestRecordsOfABatchAreOneWrite: TLS makes a record of 16 KiB at most, and writes each. A
// batch of small frames is one system call for each 64 KiB all the same.
func TestRecordsOfABatchAreOneWrite(t *testing.T) {
	for _, row := range []struct{ frames, size, writes int }{
		{1, 128, 1}, {64, 128, 1}, {512, 128, 1}, {4, 4 << 10, 1}, {15, 4 << 10, 1}, {46, 4 << 10, 3}, {3, 20 << 10, 1},
		{1, 32 << 10, 2},
		{1, 64 << 10, 4}, // a copy of these would cost more than the writes that it spares
	} {
		t.Run(fmt.Sprintf("%dx%d", row.frames, row.size), func(t *testing.T) {
			a, b := pair(t, "tls")
			w := NewWriter(a, WriterConfig{})
			m := meter(w, 0)
			read := make(chan error, 1)
			go func() { read <- inOrder(b, row.frames, row.size) }()
			held(t, w, row.frames, row.size)()
			if err := bounded.Receive(t, read); err != nil {
				t.Error(err)
			}
			checkIdle(t, w)
			if m.writes != row.writes {
				t.Errorf("%d frames of %d bytes are %d writes, want %d", row.frames, row.size, m.writes, row.writes)
			}
		})
	}
}

// TestRecordThatIsNotWrittenIsNotSent: TLS has taken a frame when it is made a record of;
// sent it is when the kernel has.
func TestRecordThatIsNotWrittenIsNotSent(t *testing.T) {
	const size, frames = 4 << 10, 46 // three writes, of 16, 16 and 14 frames
	for _, row := range []struct{ failAt, maybe int }{{1, 0}, {2, 16}, {3, 32}} {
		a, _ := pair(t, "tls")
		failed := make(chan error, 1)
		w := NewWriter(a, WriterConfig{OnError: func(err error) { failed <- err }})
		m := meter(w, row.failAt)
		held(t, w, frames, size)()
		if err := bounded.Receive(t, failed); err != m.err {
			t.Errorf("the Writer failed with %v", err)
		}
		for i := range frames {
			if offset := uint64(i * size); w.MaybeSent(offset) != (i < row.maybe) {
				t.Errorf("write %d fails: frame %d may have been sent: %v", row.failAt, i, w.MaybeSent(offset))
			}
		}
		if sent, _, err := w.Sent(0); sent || err != m.err {
			t.Errorf("Sent: %v, %v", sent, err)
		}
	}
}

// TestReaderLeadsUnderTLS: what callers queue while the reader is busy with what one read of the
// socket brought, be it several records, goes out in one write before its next.
func TestReaderLeadsUnderTLS(t *testing.T) {
	a, b := pair(t, "tls")
	w := NewWriter(a, WriterConfig{})
	w.InFlight.Store(2)
	m := meter(w, 0)
	src := w.NewSource()
	// Three records in one write, by a Writer on the other side.
	far := NewWriter(b, WriterConfig{})
	far.refMin = 1
	held(t, far, 3, 100)()
	buf := make([]byte, 1<<10)
	for range 3 {
		src.Woke()
		if n, err := src.Read(buf[:100]); n != 100 || err != nil {
			t.Fatal(n, err)
		}
		write(t, w, appendFrame(nil, 1, 0, 50))
		if m.writes != 0 {
			t.Fatal("written before all that had come was read")
		}
	}
	read := make(chan error, 1)
	go func() {
		_, err := src.Read(buf)
		read <- err
	}()
	if _, err := io.ReadFull(b, make([]byte, 150)); err != nil {
		t.Fatal("before the next read nothing came: ", err)
	}
	write(t, far, []byte("the end"))
	if err := bounded.Receive(t, read); err != nil || m.writes != 1 {
		t.Errorf("%v; %d writes, want 1", err, m.writes)
	}
}

// TestWaitsForWhatTLSHasWritten: an alert has no offset.
func TestWaitsForWhatTLSHasWritten(t *testing.T) {
	a, _ := pair(t, "tls")
	w := NewWriter(a, WriterConfig{})
	checkIdle(t, w)
	w.records.waiting.Add(1)
	defer w.records.waiting.Add(-1) // TLS says goodbye
	over := make(chan struct{})
	close(over)
	if err := w.WaitSent(over); err != ErrQueueFull {
		t.Errorf("WaitSent: %v", err)
	}
}

// TestFarewellBehindWhatWaits: an alert of TLS's own comes behind frames that the kernel has
// yet to take, and its deadline is not theirs.
func TestFarewellBehindWhatWaits(t *testing.T) {
	for _, full := range []bool{false, true} {
		a, b := pair(t, "tls")
		small(t, Bare(a), Bare(b))
		w := NewWriter(a, WriterConfig{MaxBytes: 1 << 30, OnError: func(err error) { t.Error(err) }})
		if err := a.SetWriteDeadline(time.Unix(1, 0)); err != nil { // as TLS's CloseWrite does when it is done
			t.Fatal(err)
		}
		frames := 0
		for frames == 0 || full && w.records.waiting.Load() == 0 { // whole records, the last of which waits
			write(t, w, appendFrame(nil, 1, uint32(frames), 4<<10))
			frames++
		}
		if err := a.(*tls.Conn).CloseWrite(); err != nil {
			t.Error(err)
		}
		if err := inOrder(b, frames, 4<<10); err != nil {
			t.Error(err)
		}
		if n, err := b.Read(make([]byte, 1)); n != 0 || err != io.EOF {
			t.Errorf("then %d bytes and %v, want io.EOF, which says that an alert came", n, err)
		}
		checkIdle(t, w)
	}
}

// TestWhatTLSWritesByItselfIsBounded: a peer that makes TLS answer and reads nothing.
func TestWhatTLSWritesByItselfIsBounded(t *testing.T) {
	a, b := pair(t, "tls")
	small(t, Bare(a), Bare(b))
	failed := make(chan error, 1)
	w := NewWriter(a, WriterConfig{MaxBytes: 1 << 30, Timeout: time.Hour, OnError: func(err error) { failed <- err }})
	held(t, w, 300, 4<<10)()
	record := make([]byte, 30)
	for range maxForeign {
		if _, err := w.records.Write(record); err != nil {
			if err != errForeign {
				t.Error(err)
			}
			break
		}
	}
	if waiting := w.records.waiting.Load(); waiting > maxForeign+maxSealed+maxForeign { // the last behind what is being written
		t.Errorf("%d bytes wait", waiting)
	}
	Bare(a).Close()
	bounded.Receive(t, failed)
}

// TestBeneathTLS: what is beneath can be had, by who looks for the socket.
func TestBeneathTLS(t *testing.T) {
	a, _ := socketPair(t, "tcp")
	defer a.Close()
	nc := BeneathTLS(a)
	if tc := tls.Client(nc, nil); Bare(tc) != a || Bare(nc) != a || Bare(a) != a {
		t.Error("Bare does not return the socket")
	}
	if inner, ok := nc.(interface{ NetConn() net.Conn }); !ok || inner.NetConn() != a {
		t.Error("NetConn does not return the socket")
	}
	raw, err := nc.(syscall.Conn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if err := raw.Control(func(fd uintptr) {}); err != nil {
		t.Error(err)
	}
	p, q := net.Pipe()
	defer p.Close()
	defer q.Close()
	if BeneathTLS(p) != p {
		t.Error("a pipe is no socket")
	}
	if !slices.Contains(transports, "tls") {
		t.Error("no test of the Writer has records")
	}
}

// TestBegun: of what was sealed last the kernel has taken something from the first byte that it
// took on, until other records are made.
func TestBegun(t *testing.T) {
	r := &records{out: make([]byte, 10)}
	for i, step := range []struct {
		do   func()
		want bool
	}{
		{func() {}, false},
		{func() { r.seals(sealsLast) }, false},
		{func() { r.took(0) }, false},
		{func() { r.took(3) }, true},
		{func() { r.took(0) }, true},
		{func() { r.seals(sealsLast) }, true},
		{func() { r.seals(sealsNone) }, true},
		{func() { r.seals(sealsMore) }, false},
	} {
		if step.do(); r.began() != step.want {
			t.Errorf("step %d: begun %v", i, !step.want)
		}
	}
	if r.at != 3 || r.waiting.Load() != -3 {
		t.Errorf("%d bytes are taken, %d wait", r.at, r.waiting.Load())
	}
}

// What TLS refuses to make a record of fails the Writer, from a Write and from its flusher alike.
func TestTLSThatIsShutDownFailsTheWriter(t *testing.T) {
	for _, frames := range []int{1, 46} {
		a, b := pair(t, "tls")
		go func() { _, _ = io.Copy(io.Discard, b) }()
		failed := make(chan error, 1)
		w := NewWriter(a, WriterConfig{OnError: func(err error) { failed <- err }})
		if err := a.(*tls.Conn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		held(t, w, frames, 4<<10)()
		if err := bounded.Receive(t, failed); !strings.Contains(err.Error(), "protocol is shutdown") {
			t.Errorf("%d frames: the Writer failed with %v", frames, err)
		}
	}
}
