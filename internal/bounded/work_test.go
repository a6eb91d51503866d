package bounded

import (
	"testing"
	"time"
)

func TestWhatCountsForALimit(t *testing.T) {
	const tick = 5 * time.Second
	for _, row := range []struct {
		what                      string
		passed, ran, waited, want time.Duration
	}{
		{"a loop on an idle machine", tick, tick, 0, tick},
		{"a wait in vain", tick, 0, 0, tick},
		{"a loop in two threads", tick, 2 * tick, 0, tick},
		{"a loop on a busy machine", tick, time.Second, 4 * time.Second, time.Second},
		{"a process that gets nothing", tick, 0, tick, 0},
		{"a machine that stood still", time.Hour, 0, 0, tick},
		{"threads of which some ended", tick, -time.Second, -time.Second, tick},
	} {
		before := work{at: time.Now(), ran: time.Minute, waited: time.Minute}
		now := work{before.at.Add(row.passed), before.ran + row.ran, before.waited + row.waited}
		if got := now.since(before, tick); got != row.want {
			t.Errorf("%s: %v, want %v", row.what, got, row.want)
		}
	}
}
