package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/muxkit/muxkit/breaker"
	"github.com/muxkit/muxkit/muxpool"
)

func TestSummary(t *testing.T) {
	var results []result
	for i := 1; i <= 100; i++ {
		results = append(results, result{phase: before, took: time.Duration(101-i) * time.Millisecond})
	}
	lost := fmt.Errorf("read: %w", muxpool.ErrConnLost)
	results = append(results, result{phase: during, err: lost}, result{phase: during, err: lost},
		result{phase: during, err: context.DeadlineExceeded}, result{phase: during, err: errors.New("?")})
	all := summarise(results)
	s := &all[before]
	if p50, p99, most := s.percentile(0.5), s.percentile(0.99), s.percentile(1); p50 != 50*time.Millisecond ||
		p99 != 99*time.Millisecond || most != 100*time.Millisecond {
		t.Errorf("p50 %v, p99 %v, max %v", p50, p99, most)
	}
	if got := all[during].kinds(); got != "connection lost 2, other 1, timeout 1" {
		t.Errorf("kinds: %s", got)
	}
	if got := all[after].percentile(0.99); got != 0 {
		t.Errorf("the 99th percentile of nothing is %v", got)
	}
}

// TestJudge shows that each promise can be found broken.
func TestJudge(t *testing.T) {
	sound := func() evidence {
		e := evidence{callers: 4, calls: 100, killed: new(account), received: 10, sentSince: 12,
			opened: breaker.Change{Reason: breaker.ReasonReconnectLimit}}
		e.killed.outside.Store(2)
		e.killed.halfOpen.Store(2)
		e.killed.opened.Store(2)
		return e
	}
	tests := []struct {
		name   string
		change func(*evidence)
		broken string // empty: none
	}{
		{"sound", func(*evidence) {}, ""},
		{"wrong answer", func(e *evidence) { e.wrong = 1 }, "matched its call"},
		{"opened by calls", func(e *evidence) { e.opened.Reason = breaker.ReasonFailureRate }, "word of the pool"},
		{"sent while open", func(e *evidence) { e.killed.outside.Store(3) }, "no call went"},
		{"too many crossing", func(e *evidence) { e.killed.crossing.Store(9) }, "no call went"},
		{"not back", func(e *evidence) { e.received = 0 }, "back in use"},
		{"calls nobody sent", func(e *evidence) { e.received = 13 }, "back in use"},
		{"failed", func(e *evidence) { e.failed = 1 }, "no call failed"},
		{"failed without a kill", func(e *evidence) { e.killed, e.failed = nil, 1 }, "no call failed"},
	}
	for _, tt := range tests {
		e := sound()
		tt.change(&e)
		var out bytes.Buffer
		err := printPromises(&out, e.judge())
		if (err == nil) != (tt.broken == "") {
			t.Errorf("%s: %v\n%s", tt.name, err, out.String())
		}
		for line := range strings.Lines(out.String()) {
			if strings.Contains(line, "BROKEN") && !strings.Contains(line, tt.broken) {
				t.Errorf("%s: broken besides: %s", tt.name, line)
			}
		}
	}
}
