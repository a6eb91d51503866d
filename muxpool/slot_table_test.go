package muxpool

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestSlotTable is the policy of the slots: what each event makes of a slot in each
// state and of its node, and what is told.
func TestSlotTable(t *testing.T) {
	for _, row := range slices.Concat(slotTable, slotFaults, slotBulk) {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newSlotRig(t, row.opts)
				defer r.end()
				for _, step := range strings.Split(row.script, ", ") {
					r.play(step)
				}
				if got := r.String(); got != row.want {
					t.Errorf("%s\n got %q\nwant %q", row.script, got, row.want)
				}
				if got := r.events(); got != row.told {
					t.Errorf("%s\ntold %q\nwant %q", row.script, got, row.told)
				}
			})
		})
	}
}

// TestSlotWaits: the bound of the wait before a redial doubles with the attempts that
// led to no frame, from the first bound after a proven connection, up to the limit.
func TestSlotWaits(t *testing.T) {
	bounds := []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 4 * time.Second}
	longest := make([]time.Duration, len(bounds))
	for range 100 {
		synctest.Test(t, func(t *testing.T) {
			r := newSlotRig(t, conns(1, WithReconnect(len(bounds)+1, bounds[0], bounds[2])))
			defer r.end()
			for _, step := range []string{"call", "accept", "frame 1", "close 1"} {
				r.play(step)
			}
			for i, bound := range bounds {
				lost := time.Now()
				r.play("back")
				if d := r.began.Sub(lost); d < 0 || d > bound {
					t.Fatalf("redial %d came after %v, the bound is %v", i+1, d, bound)
				} else if d > longest[i] {
					longest[i] = d
				}
				r.play("refuse")
			}
		})
	}
	for i, bound := range bounds {
		if longest[i] < bound/2 { // chance: 2 to the power of -100
			t.Errorf("redial %d: no wait of 100 above %v, the bound is %v", i+1, longest[i], bound)
		}
	}
}

// conns are the options of a pool with n connections a node.
func conns(n int, opts ...PoolOption) []PoolOption {
	return append([]PoolOption{WithConnectNumber(n)}, opts...)
}

// growing are those of one where each call has its connection, of which idle are kept.
func growing(idle int, opts ...PoolOption) []PoolOption {
	return conns(1, append(opts, WithMaxVirConnsPerConn(1), WithMaxIdleConnsPerHost(idle))...)
}

// capped are those of one that grows to two connections.
var capped = growing(1, WithMaxConnsPerHost(2))

// farOff lets no redial come by itself while some seconds pass: not once in ten million times.
var farOff = WithReconnect(3, 10000*time.Hour, 10000*time.Hour)

// slotRow is one case of the policy.
type slotRow struct {
	name   string
	opts   []PoolOption
	script string // see slotRig.play
	want   string // see slotRig.String
	told   string // see slotRig.events
}

// slotTable is about each state, slotFaults about what peers do to a node, slotBulk about
// its bulk connection.
var slotTable = []slotRow{
	// Empty: the next Get that finds it dials, whatever there was before.
	{"empty, a Get comes", conns(1), "get", "dialing: dialing; dials 1; queued 1", ""},
	{"both empty, a Get comes", conns(2), "get", "dialing: dialing, dialing; dials 2; queued 1", ""},
	{"empty beside up, a Get comes", conns(2), "get, accept, accept, close 2, get",
		"ready: dialing 1, up 1; dials 3", "up ready up down(peer closed)"},
	{"empty beside waiting, a Get comes", conns(2), "get, accept, accept, call 1, close 2, close 1, get",
		"reconnecting: dialing 1, waiting 1; dials 3; queued 1", "up ready up down(peer closed) down(conn lost)"},
	{"empty after a redial, a Get comes", conns(1), "get, accept, call 1, close 1, back, accept, close 2, get",
		"dialing: waiting 2; dials 2; queued 1", "up ready down(conn lost) @2s up down(peer closed)"},
	{"empty, the node is forgotten", conns(1), "get, accept, close 1, 10m", "forgotten", "up ready down(peer closed)"},
	{"empty after a while, the node is forgotten", conns(1), "get, accept, 5m, close 1, 10m", "forgotten", "up ready @5m0s down(peer closed)"},
	{"empty beside a call that lasts, the node is forgotten after it", conns(1), "get, accept, call 1, leave 1, 11m, end, 10m",
		"forgotten", "up ready @11m0s down(going away)"},
	{"empty after two that were hung up, a Get comes late: it waits for less", conns(1), "get, accept, close 1, get, accept, close 2, 1500ms, get, 500ms",
		"dialing: redialing 2; dials 3; queued 1", "up ready down(peer closed) up down(peer closed)"},
	{"empty, the pool is closed", conns(1), "get, accept, close 1, quit", "idle: empty 1; dials 1", "up ready down(peer closed)"},

	// Dialing for a Get.
	{"dialing, connects", conns(1), "get, accept", "ready: up 1; dials 1", "up ready"},
	{"dialing, fails", conns(1), "get, refuse", "expelled: resting 1; dials 1; failed 1", "failed 1 expelled(dial failed)"},
	{"dialing, takes too long", conns(1, WithDialTimeout(time.Second)), "get, 1s",
		"expelled: resting 1; dials 1; failed 1", "@1s failed 1 expelled(dial failed)"},
	{"dialing, another Get comes", conns(1), "get, get", "dialing: dialing; dials 1; queued 2", ""},
	{"dialing, the pool is closed", conns(1), "get, quit", "dialing: empty; dials 1; failed 1", ""},
	{"dialing, connects after the pool is closed", conns(1), "deaf, get, quit, accept", "dialing: empty; dials 1; failed 1", ""},
	{"both dialing, both connect", conns(2), "get, accept, accept", "ready: up 1, up 1; dials 2", "up ready up"},
	{"both dialing, the first fails", conns(2), "get, refuse", "dialing: dialing, resting 1; dials 2; queued 1", "failed 1"},
	{"both dialing, only the first fails", conns(2), "get, refuse, accept", "ready: resting 1, up 1; dials 2", "failed 1 up ready"},
	{"both dialing, only the second fails", conns(2), "get, accept, refuse", "ready: resting 1, up 1; dials 2", "up ready failed 1"},
	{"both dialing, both fail", conns(2), "get, refuse, refuse",
		"expelled: resting 1, resting 1; dials 2; failed 1", "failed 1 failed 1 expelled(dial failed)x2"},
	{"dialing beside up that is closed idle", conns(2), "get, accept, close 1",
		"reconnecting: dialing, empty 1; dials 2", "up ready down(peer closed)"},
	{"dialing beside up that is closed with a call", conns(2), "get, accept, call 1, close 1",
		"reconnecting: dialing, waiting 1; dials 2", "up ready down(conn lost)"},
	{"dialing beside up, the pool is shut down, connects", conns(2), "get, accept, call 1, shutdown, accept",
		"reconnecting: empty, empty 1; dials 2", "up ready"},
	{"dialing beside up that falls silent", conns(2), "get, accept, silence 1",
		"reconnecting: dialing, empty 1; dials 2", "up ready @3s down(stalled)"},

	// Up.
	{"up, a Get comes", conns(1), "get, accept, get", "ready: up 1; dials 1", "up ready"},
	{"up, its first frame", conns(1), "get, accept, frame 1", "ready: up; dials 1", "up ready"},
	{"up, closed idle", conns(1), "get, accept, close 1", "idle: empty 1; dials 1", "up ready down(peer closed)"},
	{"up and proven, closed idle", conns(1), "get, accept, frame 1, close 1", "idle: empty; dials 1", "up ready down(peer closed)"},
	{"up, closed with a call", conns(1), "get, accept, call 1, close 1", "reconnecting: waiting 1; dials 1", "up ready down(conn lost)"},
	{"up and proven, closed with a call", conns(1), "get, accept, frame 1, call 1, close 1",
		"reconnecting: waiting; dials 1", "up ready down(conn lost)"},
	{"up, closed with a call, limit of one", conns(1, WithReconnect(1, 0, 0)), "get, accept, call 1, close 1",
		"expelled: resting 1; dials 1", "up ready down(conn lost) limit 1(conn lost) expelled(reconnect limit)"},
	{"up and proven, closed with a call, limit of one", conns(1, WithReconnect(1, 0, 0)), "get, accept, frame 1, call 1, close 1",
		"reconnecting: waiting; dials 1", "up ready down(conn lost)"},
	{"up, going away idle", conns(1), "get, accept, leave 1", "idle: empty 1; dials 1", "up ready down(going away)"},
	{"up, going away with a call", conns(1), "get, accept, call 1, leave 1", "idle: empty 1; dials 1", "up ready"},
	{"up, going away twice with a call that ends", conns(1), "get, accept, call 1, leave 1, leave 1, end",
		"idle: empty 1; dials 1", "up ready down(going away)"},
	{"up, going away with a call that is lost", conns(1), "get, accept, call 1, leave 1, close 1",
		"dialing: waiting 1; dials 1", "up ready down(conn lost)"},
	{"up, going away with a call, no keepalive answer", conns(1, WithKeepAlive(2*time.Second)), "get, accept, call 1, leave 1, 4s",
		"idle: empty 1; dials 1", "up ready @3.125s down(keepalive timeout)"},
	{"up, going away with a call, a Get comes", conns(1), "get, accept, call 1, leave 1, get, accept, close 1",
		"ready: up 2; dials 2", "up ready up down(conn lost)"},
	{"up, going away with a call, a Get waits", conns(1, WithMaxVirConnsPerConn(1)), "call, accept, call, leave 1",
		"dialing: dialing 1; dials 2; queued 1", "up ready"},
	{"up, stalls", conns(1), "get, accept, silence 1", "expelled: empty 1; dials 1", "up ready @3s down(stalled) expelled(stalled)"},
	{"up, stalls beside up", conns(2), "get, accept, accept, silence 1", "ready: resting 1, up 1; dials 2", "up ready up @3s down(stalled)"},
	{"up, no keepalive answer", conns(1, WithKeepAlive(2*time.Second)), "get, accept, call 1, 3s",
		"expelled: empty 1; dials 1", "up ready @3s down(keepalive timeout) expelled(keepalive timeout)"},
	{"up, no keepalive answer, a Get waits", conns(1, WithKeepAlive(2*time.Second), WithMaxVirConnsPerConn(1)), "call, accept, call, 3s",
		"expelled: empty 1; dials 1; failed 1", "up ready @3s down(keepalive timeout) expelled(keepalive timeout)"},
	{"up, no answer to the kernel's keepalive while idle", conns(1), "get, accept, probe 1", "idle: empty 1; dials 1", "up ready down(peer closed)"},
	{"up, junk while idle", conns(1), "get, accept, junk 1",
		"expelled: empty 1; dials 1", "up ready down(protocol error) expelled(protocol error)"},
	{"up, junk while idle beside up", conns(2), "get, accept, accept, junk 1",
		"ready: empty 1, up 1; dials 2", "up ready up down(protocol error)"},
	{"up, junk with a call", conns(1), "get, accept, call 1, junk 1", "reconnecting: waiting 1; dials 1", "up ready down(protocol error)"},
	{"up, a write fails while idle", conns(1), "get, accept, broken 1", "idle: empty 1; dials 1", "up ready down(peer closed)"},
	{"up, a write fails with a call", conns(1), "get, accept, call 1, broken 1", "reconnecting: waiting 1; dials 1", "up ready"},
	{"up, a write fails with a call, the last words", conns(1, farOff), "get, accept, call 1, broken 1, 100ms",
		"reconnecting: waiting 1; dials 1", "up ready @100ms down(write failed)"},
	// (Idleness is seen at the next look, each 187.5 ms here.)
	{"up, idle for long", conns(1), "get, accept, 11m", "idle: empty 1; dials 1", "up ready @10m0.1875s down(idle)"},
	{"both up, idle for long", conns(2), "get, accept, accept, 11m",
		"idle: empty 1, empty 1; dials 2", "up ready up @10m0s down(idle) @10m0.1875s down(idle)"},
	{"up, its ids are used up", conns(1), "get, accept, owed 1, 3s", "idle: empty 1; dials 1", "up ready @3s down(ids exhausted)"},
	{"up, the pool is closed", conns(1), "get, accept, call 1, quit", "idle: empty 1; dials 1", "up ready down(pool closed)"},
	{"up, the pool is shut down with a call", conns(1), "get, accept, call 1, shutdown", "idle: empty 1; dials 1", "up ready"},
	{"up, the pool is shut down with a call that ends", conns(1), "get, accept, call 1, shutdown, end",
		"idle: empty 1; dials 1", "up ready down(pool closed)"},
	{"up, the pool is shut down with a call that is lost", conns(1), "get, accept, call 1, shutdown, close 1",
		"idle: empty 1; dials 1", "up ready down(conn lost)"},
	{"up on UDP, closed idle", conns(1), "udp, get, accept, close 1",
		"expelled: empty 1; dials 1", "up ready down(conn lost) expelled(conn lost)"},
	{"up on UDP, closed with a call", conns(1), "udp, get, accept, call 1, close 1",
		"expelled: empty 1; dials 1", "up ready down(conn lost) expelled(conn lost)"},
	{"up on UDP, silent", conns(1), "udp, get, accept, silence 1", "ready: renewing 1; dials 2", "up ready"},
	{"up on UDP, silent, and where it was", conns(1), "udp, get, accept, silence 1, accept", "ready: up 1; dials 2", "up ready"},

	{"up, replaced with a call on the old one, the pool is closed", conns(1, WithMaxConnAge(10*time.Minute), WithIdleTimeout(time.Hour)),
		"get, accept, frame 1, call 1, 11m30s, accept, quit", "idle: empty 1; dials 2", "up ready @11m30s up down(pool closed) down(pool closed)"},

	// Waiting to be redialed.
	{"waiting, the time comes", conns(1), "get, accept, call 1, close 1, back",
		"reconnecting: redialing 1; dials 2", "up ready down(conn lost)"},
	{"waiting, a Get comes", conns(1), "get, accept, call 1, close 1, get",
		"reconnecting: waiting 1; dials 1; queued 1", "up ready down(conn lost)"},
	{"waiting, the pool is closed", conns(1), "get, accept, call 1, close 1, quit, 1h",
		"reconnecting: waiting 1; dials 1", "up ready down(conn lost)"},
	{"waiting beside up, Gets come", conns(2), "get, accept, accept, call 1, close 1, get, get",
		"ready: up 1, waiting 1; dials 2", "up ready up down(conn lost)"},
	{"waiting beside up that falls silent", conns(2, farOff), "get, accept, accept, call 1, close 1, silence 2",
		"reconnecting: empty 1, waiting 1; dials 2", "up ready up down(conn lost) @3s down(stalled)"},
	{"both waiting, the time comes", conns(2), "get, accept, accept, call 1, call 2, close 1, close 2, back",
		"reconnecting: redialing 1, redialing 1; dials 4", "up ready up down(conn lost) down(conn lost)"},

	// Redialing, for nobody or for the Gets that came meanwhile.
	{"redialing, connects", conns(1), "get, accept, call 1, close 1, back, accept",
		"ready: up 2; dials 2", "up ready down(conn lost) @2s up"},
	{"redialing after proof, connects", conns(1), "get, accept, frame 1, call 1, close 1, back, accept",
		"ready: up 1; dials 2", "up ready down(conn lost) @1s up ready"},
	{"redialing, fails below the limit", conns(1), "get, accept, frame 1, call 1, close 1, back, refuse",
		"reconnecting: waiting 1; dials 2", "up ready down(conn lost) @1s failed 1"},
	{"redialing, fails at the limit", conns(1), "get, accept, frame 1, call 1, close 1, get, back, refuse, back, refuse, back, refuse",
		"expelled: resting 3; dials 4; failed 1",
		"up ready down(conn lost) @1s failed 1 @3s failed 2 @7s failed 3 limit 3(dial failed) expelled(reconnect limit)"},
	{"redialing, connects and is lost at the limit", conns(1),
		"get, accept, frame 1, call 1, close 1, back, refuse, back, refuse, call, back, accept, close 2", "expelled: resting 3; dials 4",
		"up ready down(conn lost) @1s failed 1 @3s failed 2 @7s up ready down(conn lost) limit 3(conn lost) expelled(reconnect limit)"},
	{"redialing, fails at the limit beside up", conns(2), "get, accept, accept, call 1, close 1, back, refuse, back, refuse",
		"ready: resting 3, up 1; dials 4", "up ready up down(conn lost) @2s failed 2 @6s failed 3 limit 3(dial failed)"},
	{"both redialing, both fail at the limit", conns(2),
		"get, accept, accept, call 1, call 2, close 1, close 2, back, refuse, refuse, back, refuse, refuse",
		"expelled: resting 3, resting 3; dials 6", "up ready up down(conn lost) down(conn lost) @2s failed 2 failed 2 " +
			"@6s failed 3 limit 3(dial failed) failed 3 limit 3(dial failed) expelled(reconnect limit)x2"},
	{"redialing, a Get comes", conns(1), "get, accept, call 1, close 1, back, get",
		"reconnecting: redialing 1; dials 2; queued 1", "up ready down(conn lost)"},
	{"redialing, the pool is closed", conns(1), "get, accept, call 1, close 1, back, quit",
		"reconnecting: empty 1; dials 2", "up ready down(conn lost)"},
	{"redialed and proven, closed with a call", conns(1), "get, accept, call 1, close 1, back, accept, frame 2, call 2, close 2",
		"reconnecting: waiting; dials 2", "up ready down(conn lost) @2s up ready down(conn lost)"},
	{"redialed, closed idle", conns(1), "get, accept, call 1, close 1, back, accept, close 2",
		"idle: empty 2; dials 2", "up ready down(conn lost) @2s up down(peer closed)"},

	// Resting: a second, to the nanosecond.
	{"resting, not for long enough", conns(1), "get, refuse, 999999999ns",
		"expelled: resting 1; dials 1; failed 1", "failed 1 expelled(dial failed)"},
	{"resting, for long enough", conns(1), "get, refuse, 1s", "expelled: empty 1; dials 1; failed 1", "failed 1 expelled(dial failed)"},
	{"resting, a Get comes", conns(1), "get, refuse, get", "dialing: dialing 1; dials 2; queued 1; failed 1", "failed 1 expelled(dial failed)"},
	{"resting anew, while the first rest would end", conns(1), "get, refuse, 500ms, get, refuse, 999999999ns",
		"expelled: resting 2; dials 2; failed 2", "failed 1 expelled(dial failed) @500ms failed 2 expelled(dial failed)"},
	{"resting anew, for long enough", conns(1), "get, refuse, 500ms, get, refuse, 1s",
		"expelled: resting 2; dials 2; failed 2", "failed 1 expelled(dial failed) @500ms failed 2 expelled(dial failed)"},
	{"resting, the pool is closed", conns(1), "get, refuse, quit, 1s", "expelled: resting 1; dials 1; failed 1", "failed 1 expelled(dial failed)"},
	{"resting, the node is forgotten", conns(1), "get, refuse, 10m", "forgotten", "failed 1 expelled(dial failed)"},
	{"resting beside up, Gets come", conns(2), "get, accept, refuse, get, get, get", "ready: resting 1, up 1; dials 2", "up ready failed 1"},
	{"resting beside up that answers", conns(2), "get, accept, refuse, frame 1", "ready: empty, up; dials 2", "up ready failed 1"},
	{"resting beside up that answers, a Get comes", conns(2), "get, accept, refuse, frame 1, get", "ready: dialing, up; dials 3", "up ready failed 1"},
	{"resting beside up that answers, a Get waits", conns(2, WithMaxVirConnsPerConn(1)), "get, accept, refuse, call 1, call, frame 1",
		"ready: dialing, up; dials 3; queued 1", "up ready failed 1"},
	{"resting beside up, for long enough", conns(2), "get, accept, refuse, 1s", "ready: empty 1, up 1; dials 2", "up ready failed 1"},
	{"resting beside up, for long enough, Gets come", conns(2), "get, accept, refuse, 1s, get, get",
		"ready: dialing 1, up 1; dials 3", "up ready failed 1"},
	{"resting beside up, for long enough, a Get waits", conns(2, WithMaxVirConnsPerConn(1)), "get, accept, refuse, call 1, call, 1s",
		"ready: dialing 1, up 1; dials 3; queued 1", "up ready failed 1"},
	{"resting beside up and empty, a Get comes", conns(3), "get, accept, accept, refuse, close 2, get",
		"ready: dialing 1, resting 1, up 1; dials 4", "up ready up failed 1 down(peer closed)"},
	{"resting beside up that is closed idle, a Get comes", conns(2), "get, accept, refuse, close 1, get",
		"dialing: dialing 1, resting 1; dials 3; queued 1", "up ready failed 1 down(peer closed)"},
	{"resting beside up that sends junk: one is the reason, one the cause", conns(2), "get, accept, refuse, junk 1",
		"expelled: empty 1, resting 1; dials 2", "up ready failed 1 down(protocol error) expelled(protocol error)x2"},
	{"rested beside up that falls silent: an old cause is no news", conns(2), "get, accept, refuse, silence 1",
		"expelled: empty 1, empty 1; dials 2", "up ready failed 1 @3s down(stalled) expelled(stalled)"},
	{"resting beside redialing, for long enough, a Get waits", conns(2, WithReconnect(2, time.Second, time.Hour)),
		"get, accept, accept, call 1, call 2, close 1, close 2, get, back, refuse, 1s", "reconnecting: dialing 2, redialing 1; dials 5; queued 1",
		"up ready up down(conn lost) down(conn lost) @2s failed 2 limit 2(dial failed)"},
}
