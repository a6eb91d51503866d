package wire

import (
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
)

func TestMark(t *testing.T) {
	var m Mark
	if _, ok := m.Offset(); ok {
		t.Error("a new Mark has an offset")
	}
	m.Set(0)
	if at, ok := m.Offset(); !ok || at != 0 {
		t.Errorf("after Set(0): %d, %v", at, ok)
	}
	m.Set(7) // the first of a caller's frames is what counts
	if at, ok := m.Offset(); !ok || at != 0 {
		t.Errorf("after a second Set: %d, %v", at, ok)
	}
	m.Reset()
	if _, ok := m.Offset(); ok {
		t.Error("Reset kept the offset")
	}
	m.Set(7)
	if at, ok := m.Offset(); !ok || at != 7 {
		t.Errorf("after Reset and Set(7): %d, %v", at, ok)
	}
}

// A call that gave up is sure that nothing of it will be sent: of Set and Seal,
// the first wins.
func TestSeal(t *testing.T) {
	a, b := pair(t, "unix")
	w := NewWriter(a, WriterConfig{})
	var m Mark
	for range 2 {
		if m.Seal() {
			t.Error("Seal found an offset in a Mark that has none")
		}
	}
	if _, ok := m.Offset(); ok || m.Set(1) {
		t.Error("a sealed Mark has an offset, or takes one")
	}
	for _, size := range []int{100, 2 * refMin} {
		for _, owned := range []bool{false, true} {
			frame := appendFrame(Alloc(size)[:0], 1, 1, size)
			if _, err := w.TryMark(frame, owned, &m, 0); err != ErrSealed {
				t.Errorf("TryMark with a sealed Mark: %v", err)
			}
			if _, _, err := checkFrame(frame); err != nil {
				t.Error("a frame that was not queued was taken over:", err)
			}
		}
	}
	if frames, size := w.Queued(); frames != 0 || size != 0 || w.end != 0 {
		t.Errorf("%d frames, %d bytes queued", frames, size)
	}
	m.Reset()
	if _, err := w.TryMark([]byte("frame"), false, &m, 0); err != nil {
		t.Fatal(err)
	}
	if at, ok := m.Offset(); !m.Seal() || !ok || at != 0 {
		t.Errorf("a Mark that was set: %d, %v, or sealed after it", at, ok)
	}
	if got := packet(t, b); got != "frame" {
		t.Errorf("the peer got %q", got)
	}
}

// Who hears of the failure of a frame's write must find the frame marked, so the
// mark is there before anybody can write.
func TestMarkBeforeWrite(t *testing.T) {
	a, b := pair(t, "unix")
	b.Close()
	var mark Mark
	heard := false
	w := NewWriter(a, WriterConfig{OnError: func(error) {
		heard = true
		if _, ok := mark.Offset(); !ok {
			t.Error("written before it was marked")
		}
	}})
	if offset, err := w.TryMark([]byte("frame"), false, &mark, 0); err != nil || w.MaybeSent(offset) {
		t.Errorf("a frame that was queued, and refused by the kernel: %v; maybe sent: %v", err, w.MaybeSent(offset))
	}
	if !heard {
		t.Error("no failure on the goroutine whose write it was")
	}
}

// Sent, MaybeSent and WaitSent along the way of two batches.
func TestSentStepByStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := net.Pipe()
		w := NewWriter(a, WriterConfig{Timeout: time.Hour})
		if err := w.WaitSent(nil); err != nil {
			t.Errorf("nothing was queued; WaitSent: %v", err)
		}
		first := write(t, w, []byte("abcd"))
		synctest.Wait()
		second := write(t, w, []byte("efgh"))
		waited := make(chan error, 1)
		go func() { waited <- w.WaitSent(nil) }()
		steps := []struct {
			read                 int
			sent1, maybe2, sent2 bool
		}{
			{2, false, false, false},
			{2, true, true, false},
			{2, true, true, false},
			{2, true, true, true},
		}
		for i, step := range steps {
			sent, retry, err := w.Sent(second)
			if sent || retry == nil || err != nil {
				t.Errorf("before step %d: Sent(second): %v, %v, %v", i, sent, retry, err)
			}
			if _, err := b.Read(make([]byte, step.read)); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			sent1, _, _ := w.Sent(first)
			sent2, _, _ := w.Sent(second)
			if sent1 != step.sent1 || sent2 != step.sent2 || !w.MaybeSent(first) || w.MaybeSent(second) != step.maybe2 {
				t.Errorf("step %d: sent %v, %v; maybe %v, %v", i, sent1, sent2, w.MaybeSent(first), w.MaybeSent(second))
			}
			if w.Taken(first) != sent1 || w.Taken(second) != sent2 || w.Idle() != sent2 {
				t.Errorf("step %d: taken %v, %v; idle %v", i, w.Taken(first), w.Taken(second), w.Idle())
			}
			if done := len(waited) > 0; done != sent2 {
				t.Errorf("step %d: WaitSent returned: %v", i, done)
			}
			if sent2 {
				bounded.Receive(t, retry)
			}
		}
		if err := bounded.Receive(t, waited); err != nil {
			t.Error(err)
		}
	})
}

// WaitSent waits for what was queued before it, not for what comes later, and
// ends with its caller's context.
func TestWaitSentEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := net.Pipe()
		defer a.Close()
		w := NewWriter(a, WriterConfig{Timeout: time.Hour})
		write(t, w, []byte("first"))
		synctest.Wait()
		done := make(chan struct{})
		waited, gaveUp := make(chan error, 1), make(chan error, 1)
		go func() { waited <- w.WaitSent(nil) }()
		go func() { gaveUp <- w.WaitSent(done) }()
		synctest.Wait()
		close(done)
		if err := bounded.Receive(t, gaveUp); err != ErrQueueFull {
			t.Errorf("WaitSent of who gave up: %v", err)
		}
		write(t, w, []byte("later"))
		if _, err := b.Read(make([]byte, 5)); err != nil {
			t.Fatal(err)
		}
		if err := bounded.Receive(t, waited); err != nil {
			t.Errorf("WaitSent: %v", err)
		}
	})
}

// TestMarkIsSealedForGood: whatever was queued before, nothing is any more; and what was, was.
func TestMarkIsSealedForGood(t *testing.T) {
	for _, set := range []bool{false, true} {
		a, _ := net.Pipe()
		w := NewWriter(a, WriterConfig{Timeout: time.Hour})
		var m Mark
		if set {
			if _, err := w.TryMark([]byte("first"), false, &m, 0); err != nil {
				t.Fatal(err)
			}
		}
		if was := m.Seal(); was != set {
			t.Errorf("sealed after %v frames: %v", set, was)
		}
		if _, err := w.TryMark([]byte("second"), false, &m, 0); err != ErrSealed {
			t.Errorf("a frame of a sealed Mark, set before %v: %v", set, err)
		}
		if offset, ok := m.Offset(); ok != set || ok && offset != 0 {
			t.Errorf("the offset is %d, %v, want %v", offset, ok, set)
		}
		if m.Unset(); m.Set(7) {
			t.Error("what was taken back has opened a sealed Mark")
		}
		if _, ok := m.Offset(); ok {
			t.Error("an offset that was taken back is there")
		}
		if m.Reset(); !m.Set(7) {
			t.Error("a Mark that was reset is sealed")
		}
		w.Close(nil)
		_ = a.Close()
	}
}
