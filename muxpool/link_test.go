package muxpool

import (
	"testing"
	"time"

	"github.com/muxkit/muxkit/muxpool/wire"
)

// TestLink: from when on the silence of a peer counts, by what its kernel has acknowledged.
// A look comes each second, and what is not there after half of one is under way slowly.
func TestLink(t *testing.T) {
	type look = wire.Transit
	known := func(acked, pending uint64) look { return look{Acked: acked, Pending: pending, Known: true} }
	for _, row := range []struct {
		name  string
		looks []look
		quiet int // seconds at the last look, of a peer that fell silent at the first
		slow  bool
		stuck int // seconds, likewise
	}{
		{"nothing is known", []look{{}, {}, {}, {}}, 3, false, 0},
		{"all has arrived", []look{known(9, 0), known(9, 0), known(9, 0)}, 2, false, 0},
		{"all arrives between two looks", []look{known(9, 5), known(14, 7), known(21, 0)}, 2, false, 0},
		{"a little is acknowledged each time", []look{known(9, 90), known(19, 80), known(29, 70), known(39, 60)}, 0, true, 0},
		{"and then no more", []look{known(9, 90), known(19, 80), known(19, 80), known(19, 80)}, 2, true, 2},
		{"and then all", []look{known(9, 90), known(19, 80), known(99, 0), known(99, 0)}, 1, false, 0},
		{"nothing is, ever", []look{known(0, 5), known(0, 5), known(0, 5), known(0, 5)}, 3, true, 3},
		{"more is queued than arrives", []look{known(9, 90), known(50, 90), known(99, 90), known(140, 90)}, 0, true, 0},
		{"what was queued later is not waited for", []look{known(9, 90), known(99, 900), known(999, 9000), known(9999, 0)}, 3, false, 0},
		{"nothing is known any more", []look{known(9, 90), known(19, 80), {}, {}}, 3, false, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			var l link
			start := time.Unix(1000, 0)
			now := start
			for i, look := range row.looks {
				now = start.Add(time.Duration(i) * time.Second)
				l.follow(look, time.Second/2, now)
			}
			if quiet := l.quiet(start, now); quiet != time.Duration(row.quiet)*time.Second || l.slow != row.slow || l.stuck(now) != time.Duration(row.stuck)*time.Second {
				t.Errorf("quiet for %v, slow %v, stuck for %v; want %d s, %v, %d s", quiet, l.slow, l.stuck(now),
					row.quiet, row.slow, row.stuck)
			}
		})
	}
}

// TestSlowFrom: what is not there after long is, to the moment, under way slowly.
func TestSlowFrom(t *testing.T) {
	start := time.Unix(1000, 0)
	for after, slow := range map[time.Duration]bool{time.Second - 1: false, time.Second: true} {
		var l link
		for _, now := range []time.Time{start, start.Add(after)} {
			l.follow(wire.Transit{Acked: 9, Pending: 90, Known: true}, time.Second, now)
		}
		if l.slow != slow {
			t.Errorf("after %v it is slow: %v", after, l.slow)
		}
	}
}
