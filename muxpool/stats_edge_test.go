package muxpool

import (
	"testing"
	"testing/synctest"
)

// TestReasonsToCome: what counts for one that has no place yet is nothing.
func TestReasonsToCome(t *testing.T) {
	closed := Closed{maxReasons - 1: 7, 0: 1}
	for r, want := range map[Reason]uint64{0: 1, 1: 0, maxReasons - 1: 7, maxReasons: 0, 255: 0} {
		if got := closed.By(r); got != want {
			t.Errorf("reason %d: %d connections, want %d", r, got, want)
		}
	}
	if n := closed.Total(); n != 8 {
		t.Errorf("%d connections in all, want 8", n)
	}
}

// TestFiguresOfSeveralNodes: the pool's are those of all together.
func TestFiguresOfSeveralNodes(t *testing.T) {
	withWorld(t, worldParser{}, []PoolOption{WithConnectNumber(1)}, func(t *testing.T, w *world) {
		for _, address := range []string{"peer:1", "peer:2", "peer:2"} {
			m, err := w.pool.GetMuxConn(t.Context(), "tcp", address, w.opts)
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
		}
		s, two := w.pool.Stats(), w.pool.NodeStats(Node{"tcp", "peer:2"})
		if s.InFlight != 3 || s.Calls.Started != 3 || s.Dials != 2 || len(two) != 1 || two[0].InFlight != 2 || two[0].Calls.Started != 2 {
			t.Errorf("%d calls are in flight, %d were started; of the second node %+v", s.InFlight, s.Calls.Started, two)
		}
	})
}

// TestFiguresOfDatagrams: bytes and frames, both ways.
func TestFiguresOfDatagrams(t *testing.T) {
	withWorld(t, worldParser{}, []PoolOption{WithConnectNumber(1)}, func(t *testing.T, w *world) {
		mc, err := w.pool.GetMuxConn(t.Context(), "udp", "peer:1", w.opts)
		if err != nil {
			t.Fatal(err)
		}
		m := mc.(*muxConn)
		defer m.Close()
		w.mustWrite(m, 1)
		synctest.Wait()
		w.says(worldFrame(worldAnswer, m.id, 1))
		want := Traffic{Calls: Calls{Started: 1}, BytesRead: worldLen, BytesWritten: worldLen, Reads: 1, Writes: 1}
		if c := w.pool.Stats().Nodes[0].Conns[0]; c.Traffic != want || c.Frames != 1 {
			t.Errorf("%+v in %d frames, want %+v", c.Traffic, c.Frames, want)
		}
	})
}
