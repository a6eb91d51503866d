package wire

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// Who waits for the peer to have everything does so as long as it gets somewhere, however
// long that takes, and notices soon that it has.
func TestWhoWaitsUntilAllHasArrived(t *testing.T) {
	const timeout = 8 * time.Second
	for name, row := range map[string]struct {
		step  uint64        // bytes that the peer gets
		each  time.Duration // as often as this
		stops uint64        // when it has as many
		held  uint32        // segments behind a gap, all the while
		done  time.Duration // 0: never
		want  error
		after time.Duration
	}{
		"slow":                      {leastAcked, 5 * time.Second, 1 << 60, 0, 0, nil, 50 * time.Second},
		"too slow":                  {leastAcked / 2, 5 * time.Second, 1 << 60, 0, 0, errStuck, timeout},
		"gets nowhere":              {0, time.Second, 1 << 60, 0, 0, errStuck, timeout},
		"gets all but a byte":       {10 * leastAcked, 0, 10*leastAcked - 1, 0, 0, errStuck, timeout},
		"behind a gap":              {10 * leastAcked, 3 * timeout, 1 << 60, 1, 0, nil, 3 * timeout},
		"gaps, again and again":     {leastAcked, 3 * timeout, 1 << 60, 1, 0, nil, 30 * timeout},
		"a gap for ever":            {0, time.Second, 1 << 60, 1, 0, errStuck, 3 * timeout}, // the first looks come soon,
		"gets nowhere from then on": {leastAcked, 5 * time.Second, 2 * leastAcked, 0, 0, errStuck, 10*time.Second + timeout},
		"nobody waits any more":     {leastAcked, 5 * time.Second, 1 << 60, 0, 12 * time.Second, ErrQueueFull, 12 * time.Second},
		"has it at once":            {10 * leastAcked, 0, 1 << 60, 0, 0, nil, 0},
		"has it in a moment":        {10 * leastAcked, 3 * time.Millisecond, 1 << 60, 0, 0, nil, 3 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begin, done := time.Now(), make(chan struct{})
				if row.done > 0 {
					time.AfterFunc(row.done, func() { close(done) })
				}
				err := arrived(func() Transit {
					acked := row.step
					if row.each > 0 {
						acked *= uint64(time.Since(begin) / row.each)
					}
					acked = min(acked, row.stops, 10*leastAcked)
					return Transit{Acked: acked, Pending: 10*leastAcked - acked, Held: row.held, Known: true}
				}, timeout, done)
				took := time.Since(begin)
				if late := took - row.after; !errors.Is(err, row.want) || late < 0 || late > 2*timeout/looks { // it looks now and then
					t.Errorf("%v after %v, want %v after %v", err, took, row.want, row.after)
				}
			})
		})
	}
}
