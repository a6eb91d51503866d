package muxpool

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestInboxHoldsItsLimit: frames may fill it to the last byte, short ones count as 64, and a first one is
// kept however large it is.
func TestInboxHoldsItsLimit(t *testing.T) {
	for _, row := range []struct {
		name               string
		limit, frame, kept int
	}{
		{"empty frames", 64 << 10, 0, 1024},
		{"short ones", 64 << 10, 63, 1024},
		{"the shortest that count as what they are", 64 << 10, 64, 1024},
		{"longer ones", 64 << 10, 65, 1008},
		{"four, exactly", 400, 100, 4},
		{"a byte less", 399, 100, 3},
		{"one, exactly", 100, 100, 1},
		{"one that is larger", 10, 1000, 1},
	} {
		cl := &call{wake: make(chan struct{}, 1), limit: row.limit, conn: &conn{node: &node{opts: &poolOptions{}}}}
		kept := 0
		for ; kept <= row.kept; kept++ {
			if became, _ := cl.deliver(make([]byte, row.frame), false, false, false); became != delivered {
				break
			}
		}
		if kept != row.kept {
			t.Errorf("%s: %d frames of %d bytes are kept below %d, want %d", row.name, kept, row.frame, row.limit, row.kept)
		}
	}
}

// TestTakenBytesGiveTimeBack: a 32nd of the inbox gives all of the wait back, and less gives its part; to the
// newest call, if it is alone.
func TestTakenBytesGiveTimeBack(t *testing.T) {
	const wait = time.Second
	for _, row := range []struct {
		name     string
		n        int // of the 3200 bytes that an inbox holds
		newest   uint64
		inFlight int32
		spent    time.Duration
		want     time.Duration
	}{
		{"nothing", 0, 7, 1, wait, wait},
		{"a part", 25, 7, 1, wait, wait - wait/4},
		{"a 32nd", 100, 7, 1, wait, 0},
		{"more than was spent", 50, 7, 1, wait / 4, 0},
		{"all", 3200, 7, 1, wait, 0},
		{"beside another call", 100, 7, 2, wait, wait},
		{"where a newer one is over", 100, 8, 1, wait, wait},
	} {
		c := &conn{node: &node{opts: &poolOptions{recvWait: wait}}, inFlight: new(atomic.Int32)}
		c.newest.Store(row.newest)
		c.inFlight.Store(row.inFlight)
		cl := &call{limit: 3200, conn: c, nth: 7, spent: row.spent}
		if cl.regain(row.n); cl.spent != row.want {
			t.Errorf("%s: %v are spent, want %v", row.name, cl.spent, row.want)
		}
	}
}

// TestRoomIsMadeByHalves: a connection that waits for a reader goes on when half of the inbox is free, and not at
// each frame that is taken; and at once when more may wait there.
func TestRoomIsMadeByHalves(t *testing.T) {
	const frames = 20
	withWorld(t, endParser{}, []PoolOption{WithConnectNumber(1), WithRecvLimit(4 * 64)}, func(t *testing.T, w *world) {
		m := w.mustGet(t.Context())
		defer m.Close()
		w.mustWrite(m, 1)
		var taken atomic.Int32 // by the connection
		go func() {
			for range frames {
				if _, err := w.peers[0].nc.Write(worldFrame(endMore, m.id, 1)); err != nil {
					return
				}
				taken.Add(1)
			}
		}()
		synctest.Wait()
		for i, want := range []int32{5, 5, 7, 7, 9} { // of them one waits for room
			if got := taken.Load(); got != want {
				t.Errorf("after %d Reads %d frames were taken, want %d", i, got, want)
			}
			if _, err := m.Read(); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		m.Gather()
		if synctest.Wait(); taken.Load() != frames {
			t.Errorf("%d frames of %d were taken, although more may wait unread", taken.Load(), frames)
		}
	})
}
