package harness

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
)

func sleep(d time.Duration) error {
	time.Sleep(d) // of bubble time
	return nil
}

// calls are n callers of the same call.
func calls(n int, call Call) []Call {
	all := make([]Call, n)
	for i := range all {
		all[i] = call
	}
	return all
}

// Calls come at the rate, whatever a single one takes, and a call counts if it was due in
// the window.
func TestOpenLoopKeepsItsRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := startOpen(calls(200, echoCall(50*time.Millisecond)), 64, 1000, background, 0, sleep)
		time.Sleep(500 * time.Millisecond)
		l.open(10 * time.Second)
		time.Sleep(10 * time.Second)
		latency, err := l.close()
		if n := latency.count(); err != nil || n < 9700 || n > 10_300 {
			t.Errorf("%d calls, error %v; want about 10000", n, err)
		}
		if got := latency.quantile(0.99); got < 49*time.Millisecond || got > 52*time.Millisecond {
			t.Errorf("p99 %v of calls that take 50 ms", got)
		}
	})
}

// A server that stands still for a second delays those that were due meanwhile, and each
// of them says so: half a second on average, and not one slow call among fast ones, as
// callers who wait for their answers would have it.
func TestOpenLoopDoesNotOmitWhatItHeldUp(t *testing.T) {
	for open, p90 := range map[bool][2]time.Duration{true: {700 * time.Millisecond, time.Second}, false: {0, 2 * time.Millisecond}} {
		synctest.Test(t, func(t *testing.T) {
			begin := time.Now()
			still := func(ctx context.Context, req []byte, check Check) error {
				d := time.Millisecond
				if since := time.Since(begin); since > time.Second && since < 2*time.Second {
					d = 2*time.Second - since
				}
				return echoCall(d)(ctx, req, check)
			}
			var l *load
			if open {
				l = startOpen(calls(2, still), 64, 500, background, 0, sleep)
			} else {
				l = startLoad(calls(2, still), small, background, 0)
			}
			time.Sleep(900 * time.Millisecond)
			l.open(1200 * time.Millisecond)
			time.Sleep(3 * time.Second)
			latency, err := l.close()
			if got := latency.quantile(0.9); err != nil || got < p90[0] || got > p90[1] {
				t.Errorf("open %v: p90 %v, error %v; want %v", open, got, err, p90)
			}
		})
	}
}

// With Flood every caller is always at work: the maximum.
func TestFloodKeepsAllCallersBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := startOpen(calls(20, echoCall(10*time.Millisecond)), 64, Flood, background, 0, sleep)
		time.Sleep(105 * time.Millisecond)
		l.open(time.Second)
		time.Sleep(time.Second)
		if latency, err := l.close(); err != nil || latency.count() < 1980 || latency.count() > 2040 {
			t.Errorf("%d calls, error %v; want 2000", latency.count(), err)
		}
	})
}

// A caller that fails ends the load, and is named.
func TestOpenLoopEndsWithItsFirstError(t *testing.T) {
	for _, rate := range []int{1000, Flood} {
		synctest.Test(t, func(t *testing.T) {
			n := 0
			l := startOpen([]Call{func(ctx context.Context, req []byte, check Check) error {
				if n++; n > 3 {
					return errors.New("lost")
				}
				return echoCall(time.Millisecond)(ctx, req, check)
			}}, 64, rate, background, 0, sleep)
			bounded.Wait(t, l.wg.Wait)
			if _, err := l.close(); err == nil || !strings.Contains(err.Error(), "caller 0: lost") {
				t.Errorf("rate %d: error %v", rate, err)
			}
		})
	}
}

// A timer of the kernel's wakes in order, and not too early.
func TestSleeper(t *testing.T) {
	wait, err := newSleeper()
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range []time.Duration{0, time.Microsecond, 3 * time.Millisecond} {
		begin := time.Now()
		if err := wait(d); err != nil || time.Since(begin) < d {
			t.Errorf("%v: waited %v, error %v", d, time.Since(begin), err)
		}
	}
}

func TestBulkAnswers(t *testing.T) {
	p := newBulkPayload(1<<20, 3)
	p.stamp()
	answer := Answer(p.bytes)
	if err := p.check(answer); err != nil {
		t.Error(err)
	}
	answer[len(answer)-1]++
	if err := p.check(answer); err == nil || !strings.Contains(err.Error(), "another request") {
		t.Errorf("a changed answer: %v", err)
	}
	if err := p.check(answer[:100]); err == nil {
		t.Error("no error for a short answer")
	}
	echo := newPayload(bulkRequest, 3)
	echo.stamp()
	if got := Answer(echo.bytes); &got[0] != &echo.bytes[0] {
		t.Error("an ordinary request is not echoed")
	}
}
