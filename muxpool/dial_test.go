package muxpool

import (
	"context"
	"errors"
	"math"
	"net"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// TestDialOutOfTime: a dial that has run out of its time says so, whichever clock was first,
// and one that has failed otherwise does not.
func TestDialOutOfTime(t *testing.T) {
	node := Node{"tcp", "192.0.2.1:7"}
	op := func(err error) error {
		return &net.OpError{Op: "dial", Net: "tcp", Addr: &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 7}, Err: err}
	}
	for name, row := range map[string]struct {
		err   error
		after time.Duration
		ends  time.Duration // the pool, if not 0
		said  string
	}{
		"the context's clock":               {context.DeadlineExceeded, time.Second, 0, "dial: not ready within 1s: context deadline exceeded"},
		"the kernel's":                      {op(os.ErrDeadlineExceeded), time.Second, 0, "dial: not ready within 1s: i/o timeout"},
		"a shorter one of the user's own":   {op(os.ErrDeadlineExceeded), time.Second - 1, 0, "dial: i/o timeout"},
		"the pool's end, before it":         {op(os.ErrDeadlineExceeded), time.Second, time.Millisecond, "dial: i/o timeout"},
		"a refusal at the end of that time": {op(syscall.ECONNREFUSED), time.Second, 0, "dial: connection refused"},
	} {
		synctest.Test(t, func(t *testing.T) {
			connect := func(context.Context, string, string) (net.Conn, error) {
				time.Sleep(row.after) // of the bubble's clock
				return nil, row.err
			}
			ctx, end := context.WithCancel(t.Context())
			defer end()
			if row.ends > 0 {
				time.AfterFunc(row.ends, end)
			}
			_, _, err := newDialer(nodeKey{node: node}, &poolOptions{dial: connect, dialTimeout: time.Second}).dial(ctx, "")
			if err == nil || err.Error() != row.said || !errors.Is(row.err, context.DeadlineExceeded) && !errors.Is(err, row.err) {
				t.Errorf("%s: %v, want %s", name, err, row.said)
			}
			if errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: taken for the end of a caller's time", name)
			}
		})
	}
}

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
