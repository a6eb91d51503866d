package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muxkit/muxkit/internal/peertest"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// every returns a timetable with a call each gap, the first at once.
func every(gap time.Duration) func() time.Duration {
	next := -gap
	return func() time.Duration {
		next += gap
		return next
	}
}

// One caller, a call due each second, and the third takes 3.5 s: those that were due
// meanwhile have waited for it, and say so.
func TestLatencyCountsFromWhenACallWasDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var made atomic.Int64
		l := &load{callers: 1, duration: 8 * time.Second, patience: time.Minute, sleep: time.Sleep,
			call: func(context.Context) error {
				if made.Add(1) == 3 {
					time.Sleep(3500 * time.Millisecond)
				}
				return nil
			}}
		l.run(t.Context(), every(time.Second))
		// due at 0 to 7 s; the one at 2 s ended at 5.5 s, and with it those of 3, 4 and 5 s.
		var want histogram
		for _, took := range []int{0, 0, 3500, 2500, 1500, 500, 0, 0} {
			want.add(time.Duration(took) * time.Millisecond)
		}
		if l.sum.good != want || l.sum.bad.count != 0 {
			t.Errorf("%d calls, p50 %v, longest %v", l.sum.good.count, l.sum.good.quantile(0.5), l.sum.good.longest)
		}
		if l.late.longest != 2500*time.Millisecond || l.late.count != 8 {
			t.Errorf("%d calls began, the latest %v late", l.late.count, l.late.longest)
		}
	})
}

// What nobody could begin counts as failed, and does not make the run endless.
func TestCallsThatNobodyIsFreeFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stuck := make(chan struct{})
		l := &load{callers: 2, duration: 10 * time.Second, patience: 3 * time.Second, sleep: time.Sleep,
			call: func(context.Context) error {
				select {
				case <-stuck:
				case <-time.After(time.Hour):
				}
				return nil
			}}
		begin := time.Now()
		time.AfterFunc(14*time.Second, func() { close(stuck) })
		l.run(t.Context(), every(time.Second))
		if took := time.Since(begin); took != 14*time.Second {
			t.Errorf("it took %v", took)
		}
		if l.sum.good.count != 2 || l.sum.unmade != 8 || l.sum.exit != exitTimeout {
			t.Errorf("%d answered, %d never made, exit code %d", l.sum.good.count, l.sum.unmade, l.sum.exit)
		}
		if l.sum.bad.longest != 11*time.Second || l.sum.bad.count != 8 {
			t.Errorf("%d have waited, the longest %v", l.sum.bad.count, l.sum.bad.longest)
		}
		var report strings.Builder
		l.sum.report(&report, 14*time.Second, "note")
		for _, say := range []string{"2 calls in 14s", "2 answered, 0 failed", "8 calls more were due and NEVER BEGUN"} {
			if !strings.Contains(report.String(), say) {
				t.Errorf("the report lacks %q:\n%s", say, report.String())
			}
		}
	})
}

// An interrupt ends the schedule, and what it broke off is in no figure.
func TestInterruptedLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(2500*time.Millisecond, cancel)
		l := &load{callers: 1, duration: time.Hour, patience: time.Hour, sleep: time.Sleep,
			call: func(ctx context.Context) error {
				select {
				case <-time.After(900 * time.Millisecond):
					return nil
				case <-ctx.Done():
					return ctx.Err()
				}
			}}
		l.run(ctx, every(time.Second))
		if l.sum.good.count != 2 || l.sum.bad.count != 0 {
			t.Errorf("%d answered, %d failed", l.sum.good.count, l.sum.bad.count)
		}
	})
}

// The timetable keeps its rate, whoever looks at it, and is the same each time.
func TestTimetable(t *testing.T) {
	one, two := timetable(1000), timetable(1000)
	calls, last := 0, time.Duration(0)
	for at := one(); at < time.Minute; at = one() {
		if other := two(); other != at || at < last {
			t.Fatalf("call %d is due at %v, and at %v; the one before at %v", calls, at, other, last)
		}
		calls, last = calls+1, at
	}
	if calls < 59_000 || calls > 61_000 { // four deviations
		t.Errorf("%d calls in a minute", calls)
	}
}

func TestLoadCallsAsOftenAsCallsAreDue(t *testing.T) {
	n := serve(t, native.Protocol{})
	due := 0
	for next := timetable(500); next() < 200*time.Millisecond; {
		due++
	}
	r := command(t, "", "-rate=500", "-duration=200ms", "-timeout=5m", n.address, "Echo")
	r.check(t, exitOK, "", fmt.Sprintf("%d calls in", due), fmt.Sprintf("%d answered, 0 failed", due), "from when a call was due", "began late")
	if got := n.calls.Load(); got != int64(due) {
		t.Errorf("the node got %d calls, %d were due", got, due)
	}
	r = command(t, "", "-rate=500", "-duration=200ms", "-timeout=5m", n.address, "Refuse")
	r.check(t, exitRefused, "", fmt.Sprintf("0 answered, %d failed", due), fmt.Sprintf("%d failed as business: caller, ran", due))
	command(t, "", "-rate=500", "-duration=50ms", "-oneway", n.address, "Echo").check(t, exitOK, "", "nothing tells whether it arrived")
	command(t, "", "-rate=500", "-duration=1s", peertest.Nobody(t), "Echo").check(t, exitUnsent, "", "sent    no:")
}

// A tally does not grow with the texts of errors.
func TestTallyIsBounded(t *testing.T) {
	var sum tally
	for i := range 1000 {
		sum.add(time.Millisecond, &transport.Error{Code: transport.CodeUnavailable, Remote: true, Message: fmt.Sprint(i)})
		sum.add(time.Millisecond, errors.New(fmt.Sprint(i)))
	}
	if len(sum.kinds) != 2 || sum.bad.count != 2000 || sum.exit != exitRefused {
		t.Errorf("%d kinds, %d calls, exit code %d", len(sum.kinds), sum.bad.count, sum.exit)
	}
}
