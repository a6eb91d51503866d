package discovery

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/log"
)

func TestBackoffDoublesWithJitter(t *testing.T) {
	b := Backoff{Min: 100 * time.Millisecond, Max: time.Second}
	for round := range 2 {
		for i, bound := range []time.Duration{100, 200, 400, 800, 1000, 1000, 1000} {
			bound *= time.Millisecond
			if d := b.Next(); d <= bound/2 || d > bound {
				t.Errorf("round %d, pause %d: %v, want from %v to %v", round, i, d, bound/2, bound)
			}
		}
		b.Reset()
	}
	if d := (&Backoff{}).Next(); d != 0 {
		t.Errorf("without bounds: %v", d)
	}
	seen := map[time.Duration]bool{}
	for range 20 {
		seen[Jitter(time.Second, 4)] = true
	}
	if len(seen) < 10 {
		t.Errorf("%d different pauses of 20", len(seen))
	}
}

func TestPauseEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		began := time.Now()
		if Pause(ctx, time.Minute, nil) || time.Since(began) != time.Minute {
			t.Errorf("the whole: %v", time.Since(began))
		}
		wake := make(chan struct{}, 1)
		wake <- struct{}{}
		if Pause(ctx, time.Hour, wake) || time.Since(began) != time.Minute {
			t.Error("not woken")
		}
		cancel()
		if !Pause(ctx, time.Hour, wake) {
			t.Error("the end was not told")
		}
	})
}

func TestComplaintsAreMadeOnce(t *testing.T) {
	var lines []string
	c := Complaints{Logger: log.LoggerFunc(func(kv ...any) error {
		lines = append(lines, fmt.Sprint(kv...))
		return nil
	})}
	bad, worse := errors.New("bad"), errors.New("worse\n"+strings.Repeat("x", 1000))
	for range 3 {
		c.LeftOut("a", bad)
		c.LeftOut("b", bad)
		c.LeftOut("a", worse)
	}
	if len(lines) != 3 {
		t.Errorf("%d lines: %q", len(lines), lines)
	}
	if strings.Contains(lines[2], "\n") || len(lines[2]) > 500 {
		t.Errorf("as it came: %q", lines[2])
	}
	for i := range 3 * maxTold {
		c.LeftOut(fmt.Sprint(i), bad)
	}
	if len(c.told) > maxTold {
		t.Errorf("%d are remembered", len(c.told))
	}
	(&Complaints{}).LeftOut("nobody listens", bad)
	if err := error(&NoneError{2, bad}); !errors.Is(err, bad) {
		t.Error(err)
	}
}
