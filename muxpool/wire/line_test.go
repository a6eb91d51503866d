package wire

import (
	"net"
	"testing"
)

// fullWriter is a Writer whose queue has room for that many frames, of which there are as
// many, and which nobody writes.
func fullWriter(t *testing.T, cfg WriterConfig, frame []byte) *Writer {
	t.Helper()
	a, _ := net.Pipe()
	t.Cleanup(func() { a.Close() })
	w := NewWriter(a, cfg)
	w.writing = true
	for w.Room(len(frame)) == nil {
		write(t, w, frame)
	}
	return w
}

// called counts the turns that have been called.
func called(turns []*Turn) (n int) {
	for _, t := range turns {
		if isClosed(t.Ready()) {
			n++
		}
	}
	return n
}

// TestAsManyAreCalledAsThereIsRoomFor: 1000 wait, and ten have room at each flush: ten are
// called, in order, and each once. All had been: 50,000 wake-ups.
func TestAsManyAreCalledAsThereIsRoomFor(t *testing.T) {
	const waiting, room = 1000, 10
	for name, cfg := range map[string]WriterConfig{"frames": {MaxFrames: room}, "bytes": {MaxBytes: room * 4}} {
		t.Run(name, func(t *testing.T) {
			frame := []byte("four")
			w := fullWriter(t, cfg, frame)
			turns := make([]*Turn, waiting)
			for i := range turns {
				turns[i] = w.LineUp(len(frame))
			}
			if n := called(turns); n > 0 {
				t.Fatalf("%d were called while the queue was full", n)
			}
			for done := 0; done < waiting; done += room {
				if !w.take() {
					t.Fatal("nothing was queued")
				}
				if n := called(turns); n != done+room || n != called(turns[:n]) {
					t.Fatalf("after %d: %d are called, %d of them in order", done, n, called(turns[:n]))
				}
				for _, turn := range turns[done : done+room] {
					write(t, w, frame)
					turn.Leave()
				}
			}
			if w.line != (line{}) {
				t.Errorf("at the end: %+v", w.line)
			}
		})
	}
}

// TestWhoLeavesCallsTheNext: room that somebody was called for, who does not want it any
// more, is the next one's; who leaves the line is not called.
func TestWhoLeavesCallsTheNext(t *testing.T) {
	frame := []byte("frame")
	w := fullWriter(t, WriterConfig{MaxFrames: 2}, frame)
	turns := make([]*Turn, 6)
	for i := range turns {
		turns[i] = w.LineUp(len(frame))
	}
	turns[1].Leave()
	w.take()
	for i, want := range []bool{true, false, true, false, false, false} {
		if isClosed(turns[i].Ready()) != want {
			t.Errorf("turn %d is called: %v", i, !want)
		}
	}
	turns[0].Leave()
	turns[0].Leave()
	if !isClosed(turns[3].Ready()) || isClosed(turns[4].Ready()) {
		t.Error("one left, twice: the next was not called, or two were")
	}
	write(t, w, frame) // of turn 2
	turns[2].Leave()
	if isClosed(turns[4].Ready()) {
		t.Error("room that was used was given away")
	}
	turns[3].Leave()
	if !isClosed(turns[4].Ready()) || isClosed(turns[5].Ready()) {
		t.Error("another left: the next was not called, or two were")
	}
	w.Close(errTest)
	if !isClosed(turns[5].Ready()) {
		t.Error("the Writer has failed, and who waits was not told")
	}
	turns[4].Leave()
	turns[5].Leave()
	if late := w.LineUp(1); !isClosed(late.Ready()) {
		t.Error("who comes after the end waits")
	}
}

// TestLargeFrameInTheLine: one that is larger than the queue is called when that is empty,
// and the smaller ones behind it do not pass it by.
func TestLargeFrameInTheLine(t *testing.T) {
	w := fullWriter(t, WriterConfig{MaxBytes: 100}, make([]byte, 60))
	large, small := w.LineUp(1000), w.LineUp(60)
	w.take()
	if !isClosed(large.Ready()) || isClosed(small.Ready()) {
		t.Fatal("want the large one alone")
	}
	write(t, w, make([]byte, 1000))
	large.Leave()
	w.take()
	if !isClosed(small.Ready()) {
		t.Error("the small one was not called")
	}
	small.Leave()
}
