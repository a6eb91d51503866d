package wire

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

const (
	fuzzFrames  = 6
	fuzzBytes   = 20000
	fuzzTimeout = 10 * time.Second
)

// writerModel is what a Writer on a pipe promises, at the moments when nothing
// moves: one batch is being written, and the frames behind it wait.
type writerModel struct {
	stream []byte // all that was queued
	read   int    // bytes of it that the peer has read
	active int    // unread bytes of the batch that is being written
	frames int    // that wait
	bytes  int    // that wait
	taken  uint64 // end of the batch that is being written, or of the last
	sent   uint64 // end of the last batch that was written whole
	err    error
	end    time.Time // when the write under way times out
	moved  bool      // it got anywhere since end was set
	calls  int       // after each of them, who waits for room has been called
}

func (m *writerModel) full(n int) bool {
	return m.frames >= fuzzFrames || m.frames > 0 && m.bytes+n > fuzzBytes
}

func (m *writerModel) queue(frame []byte) {
	m.stream = append(m.stream, frame...)
	m.frames++
	m.bytes += len(frame)
	if m.taken == m.sent {
		m.take()
	}
}

// take makes what waits the batch that is being written.
func (m *writerModel) take() {
	for m.frames > 0 && m.err == nil {
		m.active, m.taken = m.bytes, m.taken+uint64(m.bytes)
		m.frames, m.bytes = 0, 0
		m.end, m.moved = time.Now().Add(fuzzTimeout), false
		m.calls++
		m.finish()
	}
}

func (m *writerModel) finish() {
	if m.active == 0 {
		m.sent = m.taken
	}
}

// reads lets the peer read n bytes.
func (m *writerModel) reads(n int) {
	for m.read += n; n > 0; {
		k := min(n, m.active)
		m.active -= k
		m.moved = true
		n -= k
		if m.finish(); m.active == 0 {
			m.take()
		}
	}
}

// fail ends the model's Writer: what waits is dropped.
func (m *writerModel) fail(err error) {
	if m.err == nil {
		m.err = err
		m.frames, m.bytes = 0, 0
		m.calls++
	}
}

// passes lets time pass, up to now. It is called at least each half timeout.
func (m *writerModel) passes() {
	if m.active == 0 || time.Now().Before(m.end) {
		return
	}
	if m.moved {
		m.end, m.moved = m.end.Add(fuzzTimeout), false
		return
	}
	m.active = 0 // the rest is never written
	m.fail(os.ErrDeadlineExceeded)
}

// readable is how much the peer can read without waiting for ever.
func (m *writerModel) readable() int { return m.active + m.bytes }

// Any sequence of writes, reads, pauses and ends, against the model.
func FuzzWriter(f *testing.F) {
	f.Add([]byte{0, 10, 0, 20, 1, 200, 2, 5, 2, 255, 4, 0, 2, 255})
	f.Add([]byte{1, 80, 0, 80, 1, 80, 3, 200, 2, 1, 3, 250, 3, 250})
	f.Add([]byte{0, 10, 0, 10, 0, 10, 0, 10, 0, 10, 0, 10, 0, 10, 0, 10, 2, 10, 0, 10, 2, 255}) // too many frames
	f.Add([]byte{1, 250, 1, 250, 1, 250, 2, 255, 1, 250, 2, 255})                               // too many bytes
	f.Add([]byte{0, 0, 1, 0, 0, 9, 1, 0, 5, 0, 2, 255, 0, 7})
	f.Add([]byte{6, 3, 1, 160, 1, 160, 2, 200, 4, 0, 6, 0, 0, 50, 2, 255})
	f.Fuzz(func(t *testing.T, ops []byte) {
		if len(ops) <= 400 {
			synctest.Test(t, func(t *testing.T) { fuzzWriter(t, ops) })
		}
	})
}

func fuzzWriter(t *testing.T, ops []byte) {
	a, b := net.Pipe()
	defer a.Close()
	failed := 0
	w := NewWriter(a, WriterConfig{MaxFrames: fuzzFrames, MaxBytes: fuzzBytes, Timeout: fuzzTimeout, OnError: func(error) { failed++ }})
	m := &writerModel{}
	closed := false
	var turn *Turn
	linedUp := 0
	for ; len(ops) >= 2; ops = ops[2:] {
		arg := int(ops[1])
		switch ops[0] % 7 {
		case 0, 1:
			if size := arg * arg / 6; fuzzWrite(t, w, m, ops[0]%7 == 1, size) {
				turn.Leave()
				turn, linedUp = w.LineUp(size), m.calls
			}
		case 2:
			p := make([]byte, min(arg*arg, m.readable()))
			if _, err := io.ReadFull(b, p); err != nil || !bytes.Equal(p, m.stream[m.read:][:len(p)]) {
				t.Fatalf("%d bytes at %d: %v, or others than were queued", len(p), m.read, err)
			}
			m.reads(len(p))
		case 3:
			time.Sleep(time.Duration(arg) * fuzzTimeout / 512)
			synctest.Wait()
			m.passes()
		case 4:
			w.Shrink()
		case 5:
			w.Close(errTest)
			closed = closed || m.err == nil
			m.fail(errTest)
		case 6:
			w.InFlight.Store(int32(arg % 4))
		}
		synctest.Wait()
		checkModel(t, w, m)
		if turn != nil && (m.calls > linedUp) != isClosed(turn.Ready()) {
			t.Fatalf("%d calls; who waits has been called: %v", m.calls-linedUp, isClosed(turn.Ready()))
		}
	}
	if want := m.err != nil && !closed; want != (failed == 1) || failed > 1 {
		t.Fatalf("OnError was called %d times; the end: %v", failed, m.err)
	}
}

// fuzzWrite queues a frame. It reports whether the queue was full.
func fuzzWrite(t *testing.T, w *Writer, m *writerModel, owned bool, size int) (full bool) {
	frame := Alloc(size)
	for i := range frame {
		frame[i] = byte(len(m.stream)*7 + i*31 + i>>8)
	}
	queued := bytes.Clone(frame)
	var mark Mark
	offset, err := w.TryMark(frame, owned, &mark, 0)
	at, marked := mark.Offset()
	switch {
	case m.err != nil:
		if !errors.Is(err, m.err) || marked {
			t.Fatalf("Write after the end: %v, want %v", err, m.err)
		}
	case m.full(size):
		if err != ErrQueueFull || marked {
			t.Fatalf("Write of %d to a full queue: %v", size, err)
		}
	default:
		if err != nil || offset != uint64(len(m.stream)) || !marked || at != offset {
			t.Fatalf("Write of %d: at %d, want %d, marked %d: %v", size, offset, len(m.stream), at, err)
		}
		m.queue(queued)
	}
	if err != nil || !owned {
		clear(frame)
		Free(frame)
	}
	return err == ErrQueueFull
}

func checkModel(t *testing.T, w *Writer, m *writerModel) {
	if frames, size := w.Queued(); frames != m.frames || size != m.bytes {
		t.Fatalf("%d frames, %d bytes queued; want %d, %d", frames, size, m.frames, m.bytes)
	}
	if w.sent != m.sent || w.accepted.Load() != m.taken {
		t.Fatalf("sent %d, accepted %d; want %d, %d", w.sent, w.accepted.Load(), m.sent, m.taken)
	}
	done := make(chan struct{})
	close(done)
	var want error
	switch end := uint64(len(m.stream)); {
	case m.sent >= end:
	case m.err != nil:
		want = m.err
	default:
		want = ErrQueueFull
	}
	if err := w.WaitSent(done); !errors.Is(err, want) || want == nil && err != nil {
		t.Fatalf("WaitSent: %v, want %v", err, want)
	}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
