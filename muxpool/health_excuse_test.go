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
	for name, row := range map[string]struct {
		lacks  func(h *health)
		after  func(o *poolOptions) time.Duration
		remedy remedy
	}{
		"answers": {func(h *health) { h.lapsed = 1 }, func(o *poolOptions) time.Duration { return o.stallTimeout }, remedyStalled},
		"the keepalive's answer": {func(h *health) { h.pinging, h.pinged = true, h.since },
			func(o *poolOptions) time.Duration { return o.keepAlive / 2 }, remedyDead},
	} {
		for late, want := range map[time.Duration]remedy{0: row.remedy, time.Minute: remedyNone} {
			withHealth(t, func(t *testing.T, c *conn, h *health) {
				now := h.since.Add(row.after(c.node.opts))
				h.due = now
				if late > 0 { // the silence that it saw was short of that
					h.since = h.due.Add(-time.Millisecond)
				} else {
					h.since = h.due.Add(-row.after(c.node.opts))
				}
				row.lacks(h)
				now = now.Add(late)
				h.follow(c, wire.Transit{}, now)
				if v, _ := h.judge(c, now); v != want {
					t.Errorf("%s, %v late: remedy %d, want %d", name, late, v, want)
				}
			})
		}
	}
}

// TestLateLookAtWhoseTurnItIs: likewise, where answers come in order.
func TestLateLookAtWhoseTurnItIs(t *testing.T) {
	withHealthOf(t, orderParser{}, "tcp", func(t *testing.T, c *conn, h *health) {
		now := time.Now()
		for late, excused := range map[time.Duration]time.Duration{
			0: 0, c.interval() - 1: 0, c.interval(): c.interval(), time.Second: time.Second, time.Minute: time.Second,
		} {
			h.due, h.turn.since = now.Add(-late), now.Add(-time.Second)
			if h.excuse(c, now); !h.turn.since.Equal(now.Add(excused - time.Second)) {
				t.Errorf("%v late: seen for %v, want %v", late, now.Sub(h.turn.since), time.Second-excused)
			}
		}
	})
}

// withHealth has test look at a conn with a call, whose mutex is held.
func withHealth(t *testing.T, test func(*testing.T, *conn, *health)) {
	t.Helper()
	withHealthOf(t, worldParser{}, "tcp", test)
}

// withHealthOf does so with another parser, or on another network.
func withHealthOf(t *testing.T, parser FrameParser, network string, test func(*testing.T, *conn, *health)) {
	t.Helper()
	withWorld(t, parser, []PoolOption{WithConnectNumber(1)}, func(t *testing.T, w *world) {
		got, err := w.pool.GetMuxConn(t.Context(), network, "peer:1", w.opts)
		if err != nil {
			t.Fatal(err)
		}
		m := got.(*muxConn)
		defer m.Close()
		w.mustWrite(m, 1)
		synctest.Wait() // the read loop reads
		m.conn.mu.Lock()
		defer m.conn.mu.Unlock()
		test(t, m.conn, &m.conn.health)
	})
}
