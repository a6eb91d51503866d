package muxpool

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestTurnIsExcused: what was this side's own doing is no part of an answer's time, and nothing is put off beyond now.
func TestTurnIsExcused(t *testing.T) {
	now := time.Unix(1000, 0)
	for _, row := range []struct{ since, ours, want time.Duration }{ // before now
		{5 * time.Second, 0, 5 * time.Second}, {5 * time.Second, 2 * time.Second, 3 * time.Second}, {5 * time.Second, time.Minute, 0},
	} {
		turn := turn{since: now.Add(-row.since)}
		if turn.excuse(row.ours, now); now.Sub(turn.since) != row.want {
			t.Errorf("%v, of which %v are ours, count as %v, want %v", row.since, row.ours, now.Sub(turn.since), row.want)
		}
	}
	var nobodys turn
	if nobodys.excuse(time.Minute, now); !nobodys.since.IsZero() {
		t.Errorf("nobody's turn is so since %v", nobodys.since)
	}
}

// TestTurnIsOverdue: after the stall timeout, to the moment; while the answer, or what is taken for it, is under way, what
// has come of it last counts.
func TestTurnIsOverdue(t *testing.T) {
	const stall = 3 * time.Second
	for _, row := range []struct {
		name        string
		awaits      uint32
		since, last time.Duration // whose turn it is, and what came last: before now
		lapsed      uint64
		want        bool
	}{
		{"a moment before", awaitsFrame, stall - 1, stall - 1, 1, false},
		{"in time", awaitsFrame, stall, stall, 1, true},
		{"something else has come", awaitsFrame, stall, time.Second, 1, true},
		{"a part has come", awaitsRest, stall, time.Second, 1, false},
		{"a part has come long ago", awaitsRest, 2 * stall, stall, 1, true},
		{"a part has come before its turn", awaitsRest, stall, 2 * stall, 1, true},
		{"no call has timed out", awaitsFrame, stall, stall, 0, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newOrderWorld(t, WithStallTimeout(stall))
			defer w.end()
			w.open(0)
			c := w.calls[0].mux.conn
			c.mu.Lock()
			defer c.mu.Unlock()
			now := time.Now()
			c.awaits.Store(row.awaits)
			c.health.since = now.Add(-row.last)
			h := turn{since: now.Add(-row.since), lapsed: row.lapsed}
			if got := h.overdue(c, now); got != row.want {
				t.Errorf("%s: overdue %v", row.name, got)
			}
			c.awaits.Store(awaitsFrame)
			c.health.since = now
		})
	}
}

// TestCallsGoWhereFewerAnswersComeBefore: those to callers who have left count like others, where answers come in order.
func TestCallsGoWhereFewerAnswersComeBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newOrderWorld(t, WithConnectNumber(2))
		defer w.end()
		first := w.open(0)
		first.leave()
		synctest.Wait()
		if second := w.open(0); second.mux.conn == first.mux.conn {
			t.Error("a call waits behind one whose caller has left, and a connection is free")
		}
	})
}

// answeringOrder answers what its peer asks.
type answeringOrder struct{ orderParser }

func (p answeringOrder) ClassifyFrame(vid uint32, frame []byte) FrameKind {
	if frame[0] == orderPush {
		return FrameRequest
	}
	return p.orderParser.ClassifyFrame(vid, frame)
}

func (answeringOrder) AppendAnswer(dst []byte, _ uint32, _ []byte) []byte {
	return append(dst, worldFrame(orderPush, 0, 0)...)
}

// TestAnswersToThePeerTakeNoPlace among the requests.
func TestAnswersToThePeerTakeNoPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newOrderWorld(t)
		defer w.end()
		w.opts.WithFrameParser(answeringOrder{})
		first := w.open(0)
		w.peers[0].send(orderPush)
		synctest.Wait()
		second := w.open(0)
		for range 2 {
			w.peers[0].send(orderLast)
			synctest.Wait()
		}
		if a, b := first.outcome(), second.outcome(); a != "0" || b != "1" {
			t.Errorf("the first has read %q, the second %q", a, b)
		}
		if n := first.mux.conn.traffic().Writes; n != 3 {
			t.Errorf("%d frames were written, want two requests and an answer", n)
		}
	})
}

// TestPlacesAreOfProtocolsWithoutIDs: nobody would ever take others out again.
func TestPlacesAreOfProtocolsWithoutIDs(t *testing.T) {
	withWorld(t, worldParser{}, []PoolOption{WithConnectNumber(1)}, func(t *testing.T, w *world) {
		m := w.mustGet(t.Context())
		w.mustWrite(m, 1)
		m.CloseWith(worldFrame(worldAnswer, m.id, 2))
		synctest.Wait()
		if n := m.conn.writer.Progress().Waiting; n != 0 || len(w.peers[0].got) != 2 {
			t.Errorf("%d places are taken by %d frames", n, len(w.peers[0].got))
		}
	})
}
