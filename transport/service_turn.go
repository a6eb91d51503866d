package transport

import (
	"runtime"
	"time"
)

// turn keeps a goroutine that never has to wait, because its client sends without a
// pause, from being ahead of those whose clients do not: the scheduler would let it run
// for 10 ms at a time, so that among a hundred of them a call waits for a second. It is
// owned by that goroutine.
type turn struct {
	steps int
	since time.Time // when it began, about
}

const (
	turnTime  = 100 * time.Microsecond
	turnSteps = 32 // between two looks at the clock
)

// step counts a frame or a call, and lets others run when the turn is over.
func (t *turn) step() {
	if t.steps++; t.steps%turnSteps == 0 {
		t.over(time.Now())
	}
}

// over lets others run if the turn is over.
func (t *turn) over(now time.Time) {
	if t.since.IsZero() {
		t.since = now
	}
	if now.Sub(t.since) >= turnTime {
		runtime.Gosched()
		t.since = time.Now()
	}
}

// read takes note of a read: one that took long has let others run.
func (t *turn) read(before, after time.Time) {
	if after.Sub(before) >= turnTime {
		t.since = after
		return
	}
	t.over(after)
}
