package wire

import (
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/muxkit/muxkit/internal/bounded"
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
	bounded.Wait(t, wg.Wait)
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
		bounded.Wait(t, src.Flush)
		if queued > 0 && packet(t, b) != strings.Repeat("x", queued) {
			t.Error("not in one write")
		}
		checkIdle(t, w)
	}
}

// Who waits for space gets it when a batch is taken, not when the kernel has all
// of it.
func TestTakeMakesSpace(t *testing.T) {
	a, _ := pair(t, "pipe")
	w := NewWriter(a, WriterConfig{MaxFrames: 1})
	w.writing = true
	write(t, w, []byte("taken"))
	turn := w.LineUp(5)
	defer turn.Leave()
	if _, err := w.TryWrite([]byte("waits")); err != ErrQueueFull || isClosed(turn.Ready()) {
		t.Fatal(err)
	}
	if !w.take() || !isClosed(turn.Ready()) {
		t.Error("the batch was taken, and who waits for space was not told")
	}
	if _, err := w.TryWrite([]byte("waits")); err != nil {
		t.Error(err)
	}
}
