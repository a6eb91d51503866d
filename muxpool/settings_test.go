package muxpool

import (
	"errors"
	"strings"
	"testing"
)

// tellingParser has peers that say in a frame how many calls they take.
type tellingParser struct{ settlingParser }

func (tellingParser) AppendSettings(dst []byte, _ Settings) []byte {
	return append(dst, worldFrame(worldAlive, 0, 0)...)
}

func (tellingParser) ReadSettings(frame []byte) (Settings, error) {
	return Settings{MaxCalls: int(frame[worldLen-1])}, nil
}

// TestSettingsAreReplaced: by those that come later, and who waits is served at once if there is room by them.
func TestSettingsAreReplaced(t *testing.T) {
	withWorld(t, tellingParser{}, []PoolOption{WithConnectNumber(1)}, func(t *testing.T, w *world) {
		w.mustGet(t.Context()).Close()
		check := func(calls int, frames uint64) {
			t.Helper()
			if c := w.pool.Stats().Nodes[0].Conns[0]; c.Peer != (Settings{MaxCalls: calls}) || c.Frames != frames {
				t.Errorf("after %d frames the peer takes %+v, want %d calls", c.Frames, c.Peer, calls)
			}
		}
		w.says(worldFrame(worldAlive, 0, 2))
		check(2, 1)
		for range 2 {
			defer w.getNow().Close()
		}
		got := w.getLater(t)
		for n := uint64(2); n < 4; n++ {
			if len(got) > 0 {
				t.Fatal("a peer that takes two calls has three")
			}
			w.says(worldFrame(worldAlive, 0, uint32(n)))
			check(int(n), n)
		}
		if len(got) == 0 {
			t.Error("a Get waits, and there is room")
		}
	})
}

// TestSettingsOnDatagrams: nobody tells any there.
func TestSettingsOnDatagrams(t *testing.T) {
	withWorld(t, tellingParser{}, []PoolOption{WithConnectNumber(1)}, func(t *testing.T, w *world) {
		m, err := w.pool.GetMuxConn(t.Context(), "udp", "peer:1", w.opts)
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		w.says(worldFrame(worldAlive, 0, 2))
		s := w.pool.Stats()
		if c := s.Nodes[0].Conns[0]; c.Peer != (Settings{}) || s.Unsolicited != 1 || c.Frames != 1 {
			t.Errorf("of %d frames %d are unsolicited, and the peer takes %+v", c.Frames, s.Unsolicited, c.Peer)
		}
	})
}

// TestCallsOfAConn: how many each takes by the option and by what peers have told, of which none may have told a bound.
func TestCallsOfAConn(t *testing.T) {
	for _, row := range []struct {
		option int
		told   []Settings
		want   int
	}{
		{0, nil, 0}, {5, nil, 5}, {0, []Settings{{MaxCalls: 7}}, 7}, {5, []Settings{{MaxCalls: 7}}, 5}, {5, []Settings{{MaxCalls: 3}}, 3},
		{5, []Settings{{MaxCalls: 1}}, 1}, {5, []Settings{{MaxFrameSize: 9}}, 5}, {0, []Settings{{MaxFrameSize: 9}}, 0},
		{0, []Settings{{MaxCalls: 7}, {MaxCalls: 4}, {}}, 4}, {0, []Settings{{}, {MaxCalls: 4}, {MaxCalls: 7}}, 4},
	} {
		n := &node{opts: &poolOptions{maxVirConns: row.option}}
		conns := []*conn{{}} // one has told nothing
		for _, s := range row.told {
			c := new(conn)
			c.peer.Store(&s)
			conns = append(conns, c)
		}
		if n.open.Store(&conns); n.perConn() != row.want {
			t.Errorf("option %d, told %+v: %d calls, want %d", row.option, row.told, n.perConn(), row.want)
		}
	}
}

// TestFits: which frames are over a limit, and whose that is.
func TestFits(t *testing.T) {
	const ours, theirs = "(WithMaxFrameSize)", "the peer takes at most"
	for _, row := range []struct {
		limit, told int
		datagram    bool
		size        int
		whose       string // "": it fits
	}{
		{1000, 0, false, 1000, ""}, {1000, 0, false, 1001, ours}, {1000, 1000, false, 1001, ours},
		{1000, 100, false, 100, ""}, {1000, 100, false, 101, theirs}, {1000, 1, false, 1, ""}, {1000, 1, false, 2, theirs},
		{1 << 20, 0, false, 1 << 20, ""}, {1 << 20, 0, true, maxDatagram, ""}, {1 << 20, 0, true, maxDatagram + 1, ours}, {1000, 0, true, 1001, ours},
	} {
		c := &conn{datagram: row.datagram, node: &node{opts: &poolOptions{maxFrameSize: row.limit}}}
		c.peer.Store(&Settings{MaxFrameSize: row.told})
		err := c.fits(row.size)
		if (err == nil) != (row.whose == "") || err != nil && (!errors.Is(err, ErrFrameTooLarge) || !strings.Contains(err.Error(), row.whose)) {
			t.Errorf("%+v: got %v", row, err)
		}
	}
}
