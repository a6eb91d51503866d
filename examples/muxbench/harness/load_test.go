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

// small is the request of a caller.
func small(caller int) *payload { return newPayload(64, caller) }

// echoCall answers with the request after d.
func echoCall(d time.Duration) Call {
	return func(ctx context.Context, req []byte, check Check) error {
		select {
		case <-time.After(d):
			return check(req)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func TestLoadCountsTheCallsThatEndInTheWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := startLoad([]Call{echoCall(2 * time.Millisecond), echoCall(5 * time.Millisecond)}, small, background, 0)
		time.Sleep(501 * time.Millisecond)
		l.open(time.Second)
		latency, err := l.close()
		if err != nil || latency.count() != 500+200 {
			t.Errorf("%d calls, error %v; want 500 of the one caller and 200 of the other", latency.count(), err)
		}
		for q, want := range map[float64]time.Duration{0.5: 2 * time.Millisecond, 0.99: 5 * time.Millisecond} {
			if got := latency.quantile(q); got < want*15/16 || got > want*17/16 {
				t.Errorf("quantile %v is %v, want %v", q, got, want)
			}
		}
	})
}

func TestLoadGivesEachCallADeadline(t *testing.T) {
	for _, which := range []contexts{ofContext, ofDeadline} {
		synctest.Test(t, func(t *testing.T) {
			l := startLoad([]Call{echoCall(time.Minute)}, small, which, time.Second)
			time.Sleep(2 * time.Second)
			if _, err := l.close(); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("contexts %d: error %v", which, err)
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		l := startLoad([]Call{func(ctx context.Context, req []byte, check Check) error {
			if ctx.Done() != nil {
				t.Error("a context without need")
			}
			return echoCall(time.Second)(ctx, req, check)
		}}, small, background, 0)
		time.Sleep(90 * time.Second)
		if _, err := l.close(); err != nil {
			t.Error(err)
		}
	})
}

func TestLoadFindsWrongAnswers(t *testing.T) {
	answer := func(change func(resp []byte) []byte) Call {
		calls := 0
		return func(_ context.Context, req []byte, check Check) error {
			resp := append([]byte(nil), req...)
			if calls++; calls > 3 {
				resp = change(resp)
			}
			return check(resp)
		}
	}
	var stale []byte
	for name, c := range map[string]struct {
		call Call
		want string
	}{
		"cut":     {answer(func(b []byte) []byte { return b[:20] }), "answer of 20 bytes"},
		"start":   {answer(func(b []byte) []byte { b[0]++; return b }), "another request"},
		"end":     {answer(func(b []byte) []byte { b[63]++; return b }), "another request"},
		"middle":  {answer(func(b []byte) []byte { b[30]++; return b }), "are not the request's"},
		"none":    {func(context.Context, []byte, Check) error { return nil }, "no answer"},
		"error":   {func(context.Context, []byte, Check) error { return errors.New("lost") }, "caller 0: lost"},
		"delayed": {answer(func(b []byte) []byte { b, stale = stale, b; return b }), "answer of 0 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			l := startLoad([]Call{c.call}, small, background, 0)
			bounded.Wait(t, l.wg.Wait)
			if _, err := l.close(); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
}

func TestBatchedAnswersCountEach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := startLoad([]Call{func(_ context.Context, req []byte, check Check) error {
			time.Sleep(10 * time.Millisecond)
			return errors.Join(check(req), check(req), check(req))
		}}, small, background, 0)
		time.Sleep(55 * time.Millisecond)
		l.open(time.Second)
		if latency, err := l.close(); err != nil || latency.count() != 300 {
			t.Errorf("%d answers, error %v; want 300", latency.count(), err)
		}
	})
}
