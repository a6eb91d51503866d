package muxpool

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/muxkit/muxkit/muxpool/wire"
)

// TestLateLookIsNoSilence: what the peer has sent while this process did not run lies unread
// when it runs again, and the timer may be the first to do so.
func TestLateLookIsNoSilence(t *testing.T) {
	for late, want := range map[time.Duration]remedy{0: remedyStalled, time.Minute: remedyNone} {
		withHealth(t, func(t *testing.T, c *conn, h *health) {
			h.lapsed = 1
			now := h.since.Add(c.node.opts.stallTimeout)
			h.due = now
			now = now.Add(late)
			if late > 0 { // the silence that it saw was short of that
				h.since = h.due.Add(-time.Millisecond)
			}
			h.follow(c, wire.Transit{}, now)
			if v, _ := h.judge(c, now); v != want {
				t.Errorf("%v late: remedy %d, want %d", late, v, want)
			}
		})
	}
}

// withHealth has test look at a conn with a call, whose mutex is held.
func withHealth(t *testing.T, test func(*testing.T, *conn, *health)) {
	t.Helper()
	withWorld(t, worldParser{}, []PoolOption{WithConnectNumber(1)}, func(t *testing.T, w *world) {
		m := w.mustGet(t.Context())
		defer m.Close()
		w.mustWrite(m, 1)
		synctest.Wait() // the read loop reads
		m.conn.mu.Lock()
		defer m.conn.mu.Unlock()
		test(t, m.conn, &m.conn.health)
	})
}
