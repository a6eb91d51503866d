package transport

import (
	"runtime"
	"time"
)

// turn keeps a goroutine that never has to wait, because its client sends without a
// pause, from being ahead of those whose clients do not: the scheduler would let it run
// for 10 ms at a time, so that among a hundred of them a call waits for a second. It is
// owned by that goroutine.
//
// Where a processor is idle nobody waits, and to let others run wakes that processor for
// nothing, which costs more than a call. The scheduler does not tell; but it is back at
// once then. So while others take no turn of their own, the turns get longer.
type turn struct {
	steps int
	since time.Time     // when it began, about
	time  time.Duration // how long it is; 0: turnTime
}

const (
	turnTime  = 100 * time.Microsecond
	turnMost  = 32 * turnTime
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
	if t.isOver(now) {
		runtime.Gosched()
		t.yielded(now, time.Now())
	}
}

func (t *turn) isOver(now time.Time) bool {
	if t.since.IsZero() {
		t.since = now
	}
	return now.Sub(t.since) >= max(t.time, turnTime)
}

// yielded begins the next turn, after others had run from before until now.
func (t *turn) yielded(before, now time.Time) {
	t.since = now
	if now.Sub(before) < turnTime {
		t.time = min(2*max(t.time, turnTime), turnMost)
	} else {
		t.time = turnTime
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
