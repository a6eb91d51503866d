package breaker

import (
	"testing"
	"time"
)

// A silence lasts from the first end without an answer on, until there is one, or nobody
// asks for longer than a pause.
func TestSilenceLasts(t *testing.T) {
	const ms = int64(time.Millisecond)
	var s silence
	for _, step := range []struct {
		name  string
		lives uint64
		now   int64
		end   bool // an error was answered before
		want  time.Duration
	}{
		{"it begins", 0, 0, false, 0},
		{"and goes on", 0, 10 * ms, false, 10 * time.Millisecond},
		{"one that ended before is heard of late", 0, 5 * ms, false, 5 * time.Millisecond},
		{"as long as a pause", 0, 110 * ms, false, 110 * time.Millisecond},
		{"longer than that", 0, 210*ms + 1, false, 0},
		{"it goes on again", 0, 250*ms + 1, false, 40 * time.Millisecond},
		{"one was answered", 1, 260 * ms, false, 0},
		{"and goes on from there", 1, 270 * ms, false, 10 * time.Millisecond},
		{"one that ended before it began", 1, 255 * ms, false, 0},
		{"an error was answered", 1, 280 * ms, true, 0},
		{"and goes on from there", 1, 300 * ms, false, 20 * time.Millisecond},
	} {
		if step.end {
			s.end()
		}
		if got := s.lasts(step.lives, step.now, 100*time.Millisecond); got != step.want {
			t.Errorf("%s: %v, want %v", step.name, got, step.want)
		}
	}
}

// Calls that were under way together are one thing that happened.
func TestAnotherSilentCall(t *testing.T) {
	var s silence
	for _, step := range []struct {
		start, end int64
		want       bool
	}{{1, 10, true}, {5, 12, false}, {9, 14, false}, {10, 20, true}, {19, 30, false}, {20, 30, true}, {31, 40, true}} {
		if got := s.another(step.start, step.end); got != step.want {
			t.Errorf("a call from %d to %d is another: %v", step.start, step.end, got)
		}
	}
}
