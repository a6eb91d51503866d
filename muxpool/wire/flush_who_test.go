package wire

import (
	"io"
	"testing"

	"github.com/muxkit/muxkit/internal/bounded"
)

// turnsToWrite are the ways to become the one who writes.
var turnsToWrite = map[string]func(w *Writer, src *Source){
	"a leader that has gathered": func(w *Writer, _ *Source) { w.lead(true) },
	"the reader":                 func(_ *Writer, src *Source) { src.Flush() },
	"who finds the queue full":   func(w *Writer, _ *Source) { _ = w.Room(1) },
}

// writing reports whether somebody is at it.
func writing(w *Writer) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.writing
}

// setWriting has the test be the one who writes, or nobody.
func setWriting(w *Writer, is bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.writing = is
}

// Nobody writes beside another: two would mix their frames.
func TestWhoFindsAnotherWritingDoesNot(t *testing.T) {
	for name, turn := range turnsToWrite {
		a, b := packets(t)
		w := NewWriter(a, WriterConfig{MaxFrames: 1})
		setWriting(w, true)
		write(t, w, []byte("frame"))
		if turn(w, w.NewSource()); !writing(w) {
			t.Errorf("%s has ended another's write", name)
		}
		if frames, _ := w.Queued(); frames != 1 {
			t.Errorf("%s has taken what another is about to write", name)
			continue
		}
		w.writeOnce()
		if got := packet(t, b); got != "frame" {
			t.Errorf("%s: %q came", name, got)
		}
		checkIdle(t, w)
	}
}

// Who has written a part, and left the rest to a flusher, has left it the right to write.
func TestWhoWritesAPartHandsOver(t *testing.T) {
	const frames, size = 300, refMin - 1
	for name, turn := range turnsToWrite {
		a, b := pair(t, "unix")
		small(t, a, b)
		w := NewWriter(a, WriterConfig{MaxFrames: frames, MaxBytes: 1 << 30})
		w.InFlight.Store(2)
		src := w.NewSource()
		src.lead() // all wait for the reader
		for i := range frames {
			write(t, w, appendFrame(nil, 1, uint32(i), size))
		}
		w.mu.Lock()
		w.reading = name == "the reader"
		w.mu.Unlock()
		if turn(w, src); !writing(w) {
			t.Errorf("%s: a part is written, and nobody is at the rest", name)
		}
		if err := inOrder(b, frames, size); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		checkIdle(t, w)
	}
}

// What comes while a leader writes is the reader's, if that is busy, and no flusher's; a flusher
// that is there goes on.
func TestWhoWritesWhatComesDuringAWrite(t *testing.T) {
	for _, flusher := range []bool{false, true} {
		a, b := packets(t)
		var g goroutines
		w := NewWriter(a, WriterConfig{Flushers: &g})
		w.InFlight.Store(2)
		src := w.NewSource()
		busy(t, src, b)
		setWriting(w, true)
		write(t, w, []byte("one"))
		if !w.take() {
			t.Fatal("nothing to write")
		}
		write(t, w, []byte("two"))
		if !w.writeNow() {
			t.Fatal("the kernel takes nothing")
		}
		if more := w.finish(flusher); more != flusher || writing(w) != flusher || g.begun.Load() != 0 {
			t.Errorf("flusher %v: it goes on: %v, somebody writes: %v, %d flushers begin", flusher, more, writing(w), g.begun.Load())
		}
		if got := packet(t, b); got != "one" {
			t.Errorf("%q came", got)
		}
		if flusher {
			w.writeOnce()
		} else {
			src.Flush()
		}
		if got := packet(t, b); got != "two" {
			t.Errorf("then %q came", got)
		}
		checkIdle(t, w)
	}
}

// What TLS writes by itself is written at once, if nobody is at it and the Writer has not
// failed, and then others can write again.
func TestWhoWritesWhatTLSHasWritten(t *testing.T) {
	a, b := pair(t, "tls")
	var g goroutines
	w := NewWriter(a, WriterConfig{Flushers: &g})
	m := meter(w, 0)
	alert := func(want int) {
		t.Helper()
		if n, err := w.records.Write([]byte("alert")); n != 5 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
		if m.writes != want {
			t.Errorf("%d writes, want %d", m.writes, want)
		}
	}
	alert(1)
	if writing(w) || g.begun.Load() != 0 {
		t.Errorf("it is written; somebody writes: %v, %d flushers have begun", writing(w), g.begun.Load())
	}
	setWriting(w, true)
	alert(1) // who writes does so
	w.writeOnce()
	if writing(w) || m.writes != 2 {
		t.Errorf("somebody writes: %v, %d writes", writing(w), m.writes)
	}
	got := make([]byte, 10)
	if _, err := io.ReadFull(Bare(b), got); err != nil || string(got) != "alertalert" {
		t.Errorf("%q came, %v", got, err)
	}
	w.Close(errTest)
	alert(2)
	if writing(w) {
		t.Error("somebody writes for a Writer that has failed")
	}
}

// Where the kernel takes nothing of it, a flusher waits for that, and nobody beside it.
func TestWhatTLSHasWrittenWaitsForTheKernel(t *testing.T) {
	p, q := socketPair(t, "unix")
	small(t, p, q)
	a, b := tlsPair(t, BeneathTLS(p), BeneathTLS(q))
	defer b.Close()
	failed := make(chan error, 1)
	w := NewWriter(a, WriterConfig{OnError: func(err error) { failed <- err }})
	for n := 1; n > 0; { // until it is full
		var err error
		if n, err = w.raw.write(make([]byte, 4<<10)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.records.Write([]byte("alert")); err != nil {
		t.Fatal(err)
	}
	if !writing(w) {
		t.Error("nobody is at it")
	}
	p.Close()
	if err := bounded.Receive(t, failed); err == nil {
		t.Error("no error")
	}
}

// The reader that ends because TLS found no sense in what came leads nobody any more.
func TestReaderThatEndsUnderTLSLeadsNobody(t *testing.T) {
	a, b := pair(t, "tls")
	failed := make(chan error, 1)
	w := NewWriter(a, WriterConfig{OnError: func(err error) { failed <- err }})
	w.InFlight.Store(2)
	src := w.NewSource()
	if _, err := Bare(b).Write([]byte("this is no record of TLS")); err != nil {
		t.Fatal(err)
	}
	if n, err := src.Read(make([]byte, 10)); n != 0 || err == nil || src.Err() != err {
		t.Errorf("that was read: %d, %v; Err: %v", n, err, src.Err())
	}
	if _, err := w.TryWrite([]byte("frame")); err != nil {
		t.Fatal(err)
	}
	if frames, _ := w.Queued(); frames != 0 {
		t.Fatal("a frame waits for a reader that has ended")
	}
	if err := bounded.Receive(t, failed); err == nil {
		t.Error("TLS has failed, and the Writer has not")
	}
}
