package wire

import (
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// Callers that the reader woke get the time to queue their next frames before it
// writes. With one processor they run when it yields, and not before.
func TestGather(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	const rounds, callers = 50, 8
	a, b := packets(t)
	w := NewWriter(a, WriterConfig{})
	w.InFlight.Store(callers)
	src := w.NewSource()
	var wg sync.WaitGroup
	var wake [callers]chan struct{}
	for i := range wake {
		wake[i] = make(chan struct{}, 1)
		wg.Go(func() {
			for range wake[i] {
				write(t, w, []byte("x"))
			}
		})
	}
	whole := 0
	for round := range rounds {
		busy(t, src, b)
		for _, c := range wake {
			c <- struct{}{}
			src.Woke()
		}
		src.Flush()
		w.mu.Lock()
		queued := int(w.end) - round*callers
		w.mu.Unlock()
		got := len(packet(t, b))
		if got == callers && queued == callers {
			whole++
		}
		for got < callers {
			got += len(packet(t, b))
		}
	}
	for _, c := range wake {
		close(c)
	}
	wg.Wait()
	// The scheduler promises nothing: some rounds may take two writes.
	if whole < rounds/2 {
		t.Errorf("%d rounds of %d were one write before Flush returned", whole, rounds)
	}
	checkIdle(t, w)
}

// Callers that were woken and have nothing to write are not waited for.
func TestGatherGivesUp(t *testing.T) {
	a, b := packets(t)
	w := NewWriter(a, WriterConfig{})
	w.InFlight.Store(2)
	src := w.NewSource()
	for queued := range 3 {
		busy(t, src, b)
		for range 1000 {
			src.Woke()
		}
		for range queued {
			write(t, w, []byte("x"))
		}
		finished(t, "Flush", src.Flush)
		if queued > 0 && packet(t, b) != strings.Repeat("x", queued) {
			t.Error("not in one write")
		}
		checkIdle(t, w)
	}
}

// Who waits for space behind a busy reader gets it when the reader takes the
// batch, not when the kernel has all of it.
func TestTakeMakesSpace(t *testing.T) {
	a, b := pair(t, "unix")
	small(t, a, b)
	const frames, size = 300, refMin - 1
	w := NewWriter(a, WriterConfig{MaxFrames: frames, MaxBytes: 1 << 30, Timeout: time.Minute})
	w.InFlight.Store(2)
	src := w.NewSource()
	busy(t, src, b)
	for i := range uint32(frames) {
		write(t, w, appendFrame(nil, 1, i, size))
	}
	last := appendFrame(nil, 1, frames, size)
	_, retry, err := w.TryWrite(last)
	if err != ErrQueueFull {
		t.Fatal(err)
	}
	src.Flush()
	finished(t, "the wait for space", func() { <-retry })
	if sent, _, _ := w.Sent(0); sent {
		t.Fatal("the kernel took all at once")
	}
	write(t, w, last)
	if err := inOrder(b, frames+1, size); err != nil {
		t.Fatal(err)
	}
	checkIdle(t, w)
}
