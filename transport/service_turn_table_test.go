package transport

import (
	"testing"
	"time"
)

// TestTurns counts how often a goroutine lets others run that is at work for a second in
// all, by what comes of it.
func TestTurns(t *testing.T) {
	const step = 10 * time.Microsecond
	for name, row := range map[string]struct {
		others func(at time.Duration) time.Duration // how long they run, when it lets them
		read   time.Duration                        // that follows each step
		least  int
		most   int
	}{
		"others take turns": {others: func(time.Duration) time.Duration { return turnTime }, least: 9990, most: 10000},
		"nobody waits":      {others: func(time.Duration) time.Duration { return turnTime / 50 }, least: 310, most: 320},
		// Of 20 ms it is alone for 10, and then they run as long as it does, once its turns are short again.
		"others come and go": {others: func(at time.Duration) time.Duration {
			if at/(10*time.Millisecond)%2 == 0 {
				return 0
			}
			return turnTime
		}, least: 2500, most: 3000},
		"it waits for what it reads": {others: func(time.Duration) time.Duration { return turnTime }, read: turnTime},
	} {
		t.Run(name, func(t *testing.T) {
			var turn turn
			start := time.Unix(1, 0)
			now, yields := start, 0
			for worked := time.Duration(0); worked < time.Second; worked += step {
				now = now.Add(step)
				if turn.isOver(now) {
					before := now
					now = now.Add(row.others(now.Sub(start)))
					turn.yielded(before, now)
					yields++
				}
				if row.read > 0 {
					turn.read(now, now.Add(row.read))
					now = now.Add(row.read)
				}
			}
			if yields < row.least || yields > row.most {
				t.Errorf("it let others run %d times, want %d to %d", yields, row.least, row.most)
			}
		})
	}
}
