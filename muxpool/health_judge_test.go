package muxpool

import (
	"context"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muxkit/muxkit/muxpool/wire"
)

// TestHowOftenAConnIsLookedAt: sixteen times in the shorter of the times that its peer may be silent, four times in
// that of a write, and each millisecond at most.
func TestHowOftenAConnIsLookedAt(t *testing.T) {
	for _, row := range []struct{ keepAlive, stall, write, want time.Duration }{
		{16 * time.Second, 64 * time.Second, 64 * time.Second, time.Second},
		{64 * time.Second, 16 * time.Second, 64 * time.Second, time.Second},
		{64 * time.Second, 64 * time.Second, 4 * time.Second, time.Second},
		{time.Hour, time.Hour, 4 * time.Millisecond, time.Millisecond},
		{time.Millisecond, time.Hour, time.Hour, time.Millisecond},
	} {
		c := &conn{node: &node{opts: &poolOptions{keepAlive: row.keepAlive, stallTimeout: row.stall, writeTimeout: row.write}}}
		if got := c.interval(); got != row.want {
			t.Errorf("%+v: each %v", row, got)
		}
	}
}

// TestNextLook: a busy conn is looked at when a time runs out, if that is before its turn.
func TestNextLook(t *testing.T) {
	const soon = 10 * time.Millisecond
	withHealth(t, func(t *testing.T, c *conn, h *health) {
		now, o, usual := time.Now(), c.node.opts, c.interval()
		for name, row := range map[string]struct {
			set  func()
			want time.Duration
		}{
			"nothing runs out":                     {func() {}, usual},
			"the keepalive's":                      {func() { h.since = now.Add(soon - o.keepAlive) }, soon},
			"that has just run out":                {func() { h.since = now.Add(-o.keepAlive) }, usual},
			"the stall timeout":                    {func() { h.since = now.Add(soon - o.stallTimeout) }, soon},
			"that of the answer to a keepalive":    {func() { h.pinged = now.Add(soon - o.keepAlive/2) }, soon},
			"that of those who wait for ids":       {func() { c.ids.starved = now.Add(soon - o.stallTimeout) }, soon},
			"one that runs out after the next one": {func() { h.since = now.Add(2*usual - o.keepAlive) }, usual},
		} {
			h.since, h.pinged, c.ids.starved = now, time.Time{}, time.Time{}
			row.set()
			if got := h.next(c, now); got != row.want {
				t.Errorf("%s: in %v, want %v", name, got, row.want)
			}
		}
		c.ids.starved = time.Time{}
		if h.again(time.Hour); !h.due.Equal(now.Add(time.Hour)) {
			t.Errorf("it is due in %v, want an hour", h.due.Sub(now))
		}
	})
}

// TestSilence: what is done about a silent peer, to the nanosecond.
func TestSilence(t *testing.T) {
	for _, row := range []struct {
		name    string
		parser  FrameParser
		network string
		set     func(h *health, now time.Time)
		silent  func(o *poolOptions) time.Duration
		remedy  remedy
	}{
		{"it can be asked", askingParser{}, "tcp", func(*health, time.Time) {},
			func(o *poolOptions) time.Duration { return o.keepAlive }, remedyPing},
		{"it was asked", askingParser{}, "tcp", func(h *health, now time.Time) { h.pinging, h.pinged = true, now },
			func(o *poolOptions) time.Duration { return o.keepAlive }, remedyNone},
		{"it cannot be asked", worldParser{}, "tcp", func(*health, time.Time) {},
			func(o *poolOptions) time.Duration { return o.keepAlive }, remedyNone},
		{"its turn would come last", orderParser{}, "tcp", func(*health, time.Time) {},
			func(o *poolOptions) time.Duration { return o.keepAlive }, remedyNone},
		{"datagrams", askingParser{}, "udp", func(*health, time.Time) {},
			func(o *poolOptions) time.Duration { return 2 * o.stallTimeout }, remedyNone},
		{"datagrams, a call has timed out", askingParser{}, "udp", func(h *health, _ time.Time) { h.lapsed = 1 },
			func(o *poolOptions) time.Duration { return o.stallTimeout }, remedyMoved},
		{"that was looked at just now", askingParser{}, "udp", func(h *health, now time.Time) { h.lapsed, h.moving = 1, now.Add(-time.Millisecond) },
			func(o *poolOptions) time.Duration { return 2 * o.stallTimeout }, remedyNone},
	} {
		withHealthOf(t, row.parser, row.network, func(t *testing.T, c *conn, h *health) {
			now := time.Now()
			for _, early := range []time.Duration{1, 0} {
				want := remedyNone
				if early == 0 {
					want = row.remedy
				}
				h.since = now.Add(early - row.silent(c.node.opts))
				row.set(h, now)
				if got := h.judgeBusy(c, now); got != want {
					t.Errorf("%s, %v before its time: remedy %d, want %d", row.name, early, got, want)
				}
				if want != remedyMoved {
					continue
				}
				if got := h.judgeBusy(c, now); got != remedyNone || h.lapsed != 0 || !h.moving.Equal(now) {
					t.Errorf("%s, again: remedy %d, %d calls have timed out, looked at at %v", row.name, got, h.lapsed, h.moving)
				}
			}
		})
	}
}

// TestBytesOfAFrameThatIsNotWhole are a sign of life, if they are many.
func TestBytesOfAFrameThatIsNotWhole(t *testing.T) {
	withHealth(t, func(t *testing.T, c *conn, h *health) {
		for range 2 { // bytes, and as many more
			h.due = time.Time{}
			before := h.since
			now := before.Add(time.Second)
			c.bytes.Add(lifeBytes - 1)
			if h.follow(c, wire.Transit{}, now); !h.since.Equal(before) {
				t.Errorf("after %d bytes the peer lives", lifeBytes-1)
			}
			c.bytes.Add(1)
			if h.follow(c, wire.Transit{}, now); !h.since.Equal(now) {
				t.Errorf("after %d bytes the peer does not live", lifeBytes)
			}
		}
	})
}

// TestSlowlyUnderWay: what the peer's kernel has not acknowledged half of the time between two looks later.
func TestSlowlyUnderWay(t *testing.T) {
	withHealth(t, func(t *testing.T, c *conn, h *health) {
		now, long := time.Now(), c.interval()/2
		pending := wire.Transit{Known: true, Pending: 100}
		for after, slow := range map[time.Duration]bool{long - 1: false, long: true} {
			h.due, h.link = time.Time{}, link{}
			h.follow(c, pending, now)
			if h.follow(c, pending, now.Add(after)); h.link.slow != slow {
				t.Errorf("after %v it is slow %v", after, h.link.slow)
			}
		}
	})
}

// TestSilenceAfterARest: a peer that nobody has called for long is silent from the next call on.
func TestSilenceAfterARest(t *testing.T) {
	withWorld(t, askingParser{}, []PoolOption{WithConnectNumber(1), WithKeepAlive(16 * time.Second), WithStallTimeout(time.Hour)}, func(t *testing.T, w *world) {
		w.mustGet(t.Context()).Close()
		time.Sleep(5 * time.Minute) // of bubble time
		m := w.mustGet(t.Context())
		defer m.Close()
		w.mustWrite(m, 1)
		time.Sleep(15 * time.Second) // likewise
		synctest.Wait()
		if n := w.pool.Stats().Writes; n != 1 {
			t.Errorf("after 15 s there were %d writes, want the request", n)
		}
		time.Sleep(2 * time.Second) // likewise
		synctest.Wait()
		if n := w.pool.Stats().Writes; n != 2 {
			t.Errorf("after 17 s there were %d writes, want the request and a keepalive", n)
		}
	})
	withWorld(t, worldParser{}, []PoolOption{WithConnectNumber(1), WithKeepAlive(time.Hour), WithStallTimeout(16 * time.Second)}, func(t *testing.T, w *world) {
		w.mustGet(t.Context()).Close()
		time.Sleep(5 * time.Minute) // of bubble time
		m := w.mustGet(t.Context(), func(o *GetOptions) { o.WithTimeout(time.Second) })
		defer m.Close()
		w.mustWrite(m, 1)
		time.Sleep(15 * time.Second) // likewise
		synctest.Wait()
		if n := len(w.node().conns()); n != 1 {
			t.Errorf("after 15 s there are %d connections", n)
		}
		time.Sleep(2 * time.Second) // likewise
		synctest.Wait()
		if n := len(w.node().conns()); n != 0 {
			t.Errorf("after 17 s there are %d connections", n)
		}
	})
}

// shrunk is a connection that counts how often its reader is told to give memory back, which is by a deadline.
type shrunk struct {
	net.Conn
	told *atomic.Int32
}

func (s shrunk) SetReadDeadline(t time.Time) error {
	if !t.IsZero() {
		s.told.Add(1)
	}
	return s.Conn.SetReadDeadline(t)
}

// TestIdleConnectionsGiveMemoryBack: once each time that they are idle for the keepalive time.
func TestIdleConnectionsGiveMemoryBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 0)
		defer w.end()
		var told atomic.Int32
		dial := func(ctx context.Context, network, address string) (net.Conn, error) {
			nc, err := w.dial(ctx, network, address)
			return shrunk{nc, &told}, err
		}
		pool, err := New(WithConnectNumber(1), WithKeepAlive(16*time.Second), WithDialContext(dial))
		if err != nil {
			t.Fatal(err)
		}
		defer pool.Close()
		for i := range int32(3) {
			m, err := pool.GetMuxConn(t.Context(), "tcp", "peer:1", w.opts)
			if err != nil {
				t.Fatal(err)
			}
			m.Close()
			time.Sleep(15 * time.Second) // of bubble time
			synctest.Wait()
			if n := told.Load(); n != i {
				t.Errorf("idle for 15 s: told %d times, want %d", n, i)
			}
			time.Sleep(3 * time.Minute) // likewise
			synctest.Wait()
			if n := told.Load(); n != i+1 {
				t.Errorf("idle for 3 minutes: told %d times, want %d", n, i+1)
			}
		}
	})
}

// TestAnyFrameIsASignOfLife: a peer that leaves a keepalive unanswered, and sends something else, lives.
func TestAnyFrameIsASignOfLife(t *testing.T) {
	withWorld(t, askingParser{}, []PoolOption{WithConnectNumber(1), WithKeepAlive(16 * time.Second)}, func(t *testing.T, w *world) {
		m := w.mustGet(t.Context())
		defer m.Close()
		w.mustWrite(m, 1)
		for range 5 {
			time.Sleep(20 * time.Second) // of bubble time: it is asked after 16, and would be given up after 24
			if _, err := w.peers[0].nc.Write(worldFrame(worldAnswer, 5, 0)); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		if n := len(w.node().conns()); n != 1 {
			t.Errorf("%d connections are left", n)
		}
		time.Sleep(30 * time.Second) // likewise, and nothing comes any more
		synctest.Wait()
		if n := len(w.node().conns()); n != 0 {
			t.Errorf("%d connections are left, of a silent peer", n)
		}
	})
}

// TestUnusedConnections: be they used once or never, they are idle for as long, however rarely they are looked at.
func TestUnusedConnections(t *testing.T) {
	const idle = 10 * time.Minute
	for name, opts := range map[string][]PoolOption{
		"usual":  {WithConnectNumber(2), WithIdleTimeout(idle)},
		"rarely": {WithConnectNumber(2), WithIdleTimeout(idle), WithKeepAlive(100 * time.Hour), WithStallTimeout(100 * time.Hour)},
	} {
		withWorld(t, worldParser{}, opts, func(t *testing.T, w *world) {
			w.mustGet(t.Context()).Close()
			synctest.Wait()
			for _, step := range []struct {
				sleep time.Duration
				conns int
			}{{0, 2}, {idle - time.Second, 2}, {2 * time.Second, 0}} {
				time.Sleep(step.sleep) // of bubble time
				synctest.Wait()
				if n := len(w.node().conns()); n != step.conns {
					t.Errorf("%s, %v later: %d connections, want %d", name, step.sleep, n, step.conns)
				}
			}
		})
	}
}
