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
	for late, want := range map[time.Duration]verdict{0: verdictStalled, time.Minute: verdictNone} {
		withWorld(t, worldParser{}, []PoolOption{WithConnectNumber(1)}, func(t *testing.T, w *world) {
			m := w.mustGet(t.Context())
			defer m.Close()
			w.mustWrite(m, 1)
			synctest.Wait() // the read loop reads
			c := m.conn
			c.mu.Lock()
			defer c.mu.Unlock()
			h := &c.health
			h.lapsed = 1
			now := h.since.Add(c.node.opts.stallTimeout)
			h.due = now
			now = now.Add(late)
			if late > 0 { // the silence that it saw was short of that
				h.since = h.due.Add(-time.Millisecond)
			}
			h.follow(c, wire.Transit{}, now)
			if v, _ := h.judge(c, now); v != want {
				t.Errorf("%v late: verdict %d, want %d", late, v, want)
			}
		})
	}
}
