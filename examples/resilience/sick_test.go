package main

import (
	"context"
	"testing"
	"time"

	"github.com/muxkit/muxkit/muxpool/muxtest"
)

// TestSickNodes plays the five cases with real processes, and reports what they
// cost: with retries, no idempotent call, and of the others only those that the
// sick node may have got.
func TestSickNodes(t *testing.T) {
	for _, f := range faults() {
		t.Run(f.name, func(t *testing.T) {
			if !f.possible() {
				t.Skip("this system cannot stop a process")
			}
			muxtest.CheckLeaks(t)
			cfg := config{before: 400 * time.Millisecond, during: 1200 * time.Millisecond, after: 300 * time.Millisecond, callers: 8}
			o, err := playRound(context.Background(), cfg, f, true)
			if err != nil {
				t.Fatal(err)
			}
			report(t, o)
			if err := o.broken(); err != nil {
				t.Error(err)
			}
			if l := o.summary.latency; l[before].calls == 0 || l[during].calls == 0 || l[after].calls == 0 {
				t.Errorf("a phase has no calls: %+v", l)
			}
			if l := o.summary.latency[during]; l.p50 > perTryTimeout {
				t.Errorf("while the node was sick, half of the calls took over %v", l.p50)
			}
		})
	}
}

func report(t *testing.T, o outcome) {
	s, l := o.summary, o.summary.latency
	t.Logf("lost %d of %d idempotent calls, %d of %d others (%d surely unsent); p99 %v before, %v during, %v after; out after %v: %v",
		s.gets.lost, s.gets.calls, s.puts.lost, s.puts.calls, s.puts.unsent,
		l[before].p99, l[during].p99, l[after].p99, o.outAfter.Round(time.Millisecond), o.opened.Reason)
}
