package discovery

import (
	"context"
	"errors"
	"fmt"
	"math"
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
	most := time.Duration(0)
	for range 100 {
		b := Backoff{Min: 400, Max: 1000}
		if b.Next() > 400 || b.Next() > 800 {
			t.Fatal("at the bound before it has doubled to there")
		}
		most = max(most, b.Next())
	}
	if most <= 800 { // by chance less than once in 10²⁰
		t.Errorf("the third of 100 was %v at most", most)
	}
	century := Backoff{Min: 78 * time.Minute, Max: 100 * 365 * 24 * time.Hour}
	for i := range 100 {
		if d := century.Next(); d <= 0 || d > century.Max {
			t.Fatalf("pause %d is %v", i, d)
		}
	}
}

// Each pause is drawn from the whole part: 200 draws that miss a tenth of it are chance once in 10⁹.
func TestJitterIsDrawnFromItsPart(t *testing.T) {
	for part, draw := range map[int]func() time.Duration{
		2: func() time.Duration { return (&Backoff{Min: time.Second, Max: time.Second}).Next() },
		4: func() time.Duration { return Jitter(time.Second, 4) },
	} {
		width := time.Second / time.Duration(part)
		least, most := 2*time.Second, time.Duration(0)
		for range 200 {
			d := draw()
			least, most = min(least, d), max(most, d)
		}
		if least <= time.Second-width || least > time.Second-width*9/10 || most > time.Second || most < time.Second-width/10 {
			t.Errorf("a part of %d: from %v to %v", part, least, most)
		}
	}
	for range 200 {
		if d := Jitter(0, 4); d != 0 {
			t.Fatalf("of nothing: %v", d)
		}
	}
}

func TestASumOfTimesHasABound(t *testing.T) {
	for _, c := range []struct{ a, b, want time.Duration }{
		{0, 0, 0}, {time.Second, time.Minute, 61 * time.Second}, {math.MaxInt64 - 1, 1, math.MaxInt64}, {math.MaxInt64, 1, math.MaxInt64}, {math.MaxInt64, math.MaxInt64, math.MaxInt64},
	} {
		if got := Sum(c.a, c.b); got != c.want {
			t.Errorf("%v and %v are %v, want %v", c.a, c.b, got, c.want)
		}
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

// What is wrong with options is told of the first of them, by its name and what was given.
func TestOptionsThatMakeNoSense(t *testing.T) {
	for want, fine := range map[string]func(o *Options) bool{
		"": func(o *Options) bool {
			o.Ordered("WithBackoff", 1, 1)
			return o.NotNegative("WithBackoff", 0, 1) && o.NotNegative("WithGrace", 0)
		},
		"invalid: WithGrace(-1ns) is negative":                func(o *Options) bool { return o.NotNegative("WithGrace", -1) },
		"invalid: WithBackoff(1ns, -1s): one is negative":     func(o *Options) bool { return o.NotNegative("WithBackoff", 1, -time.Second) },
		"invalid: WithBackoff(-1ns, 1s): one is negative":     func(o *Options) bool { return o.NotNegative("WithBackoff", -1, time.Second) },
		"invalid: WithBackoff(2ns, 1ns): the first is larger": func(o *Options) bool { o.Ordered("WithBackoff", 2, 1); return false },
		"invalid: WithDrainDelay(-2ns) is negative":           func(o *Options) bool { return o.NotNegative("WithDrainDelay", -2) || o.NotNegative("WithGrace", -1) },
	} {
		o := Options{Invalid: errors.New("invalid")}
		if got := fine(&o); got != (want == "") {
			t.Errorf("%q: fine %v", want, got)
		}
		if want == "" && o.Fault != nil || want != "" && (o.Fault == nil || o.Fault.Error() != want || !errors.Is(o.Fault, o.Invalid)) {
			t.Errorf("%v, want %q", o.Fault, want)
		}
	}
}
