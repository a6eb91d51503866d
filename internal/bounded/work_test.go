package bounded

import (
	"testing"
	"time"
)

func TestWhatCountsForALimit(t *testing.T) {
	const tick = 4 * time.Second
	for _, row := range []struct {
		what              string
		passed, ran, want time.Duration
		idle, busy        int64
	}{
		{"a loop on an idle machine", tick, tick, tick, 1, 1},
		{"a wait in vain", tick, 0, tick, 2, 0},
		{"a loop in all threads", tick, 2 * tick, tick, 0, 2},
		{"a loop on a busy machine", tick, 3 * time.Second, 3 * time.Second, 0, 2},
		{"a process that gets nothing", tick, 0, 2 * time.Second, 0, 2},
		{"a machine that stood still", time.Hour, 0, tick, 2, 0},
		{"threads of which some ended", tick, -time.Second, 2 * time.Second, 1, 100},
		{"a system that tells nothing", tick, 0, tick, 0, 0},
	} {
		before := work{time.Now(), time.Minute, 100, 100}
		now := work{before.at.Add(row.passed), before.ran + row.ran, before.idle + row.idle, before.busy + row.busy}
		if got := now.since(before, tick); got != row.want {
			t.Errorf("%s: %v, want %v", row.what, got, row.want)
		}
	}
	if w := worked(); time.Since(w.at) > time.Minute {
		t.Errorf("worked at %v", w.at)
	}
}
