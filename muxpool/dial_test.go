package muxpool

import (
	"math"
	"testing"
	"time"
)

// TestProbes: more than one probe, as far as the kernel's seconds allow, and all of them
// within one and a half of the silence that was asked for.
func TestProbes(t *testing.T) {
	for silence, most := range map[time.Duration]int{
		time.Second: 1, 2 * time.Second: 2, 3 * time.Second: 3, 10 * time.Second: 3, time.Hour: 3, math.MaxInt64: 3,
	} {
		p := probes(silence)
		if p.Count != most {
			t.Errorf("silence of %v: %d probes, want %d", silence, p.Count, most)
		}
		if p.Idle < time.Second || p.Interval < time.Second || p.Idle%time.Second != 0 || p.Interval%time.Second != 0 {
			t.Errorf("silence of %v: idle %v, interval %v: the kernel counts in seconds", silence, p.Idle, p.Interval)
		}
		if p.Idle > 32767*time.Second || p.Interval > 32767*time.Second {
			t.Errorf("silence of %v: idle %v, interval %v: the kernel refuses that", silence, p.Idle, p.Interval)
		}
		if total := p.Idle + time.Duration(p.Count)*p.Interval; total > max(oneAndHalf(silence), 2*time.Second) {
			t.Errorf("silence of %v is noticed after %v", silence, total)
		}
	}
}
