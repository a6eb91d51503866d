package muxpool

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// TestWhoseIDsBoundAConn: those of a protocol with as many as two bytes count; of more, none of its connections is ever full.
func TestWhoseIDsBoundAConn(t *testing.T) {
	for last, slots := range map[uint32]int{smallSpace - 1: 2, smallSpace: 1} {
		opts := []PoolOption{WithConnectNumber(1), WithMaxIdleConnsPerHost(1), WithMaxConnsPerHost(2)}
		withWorld(t, spaceParser{0, last}, opts, func(t *testing.T, w *world) {
			w.mustGet(t.Context()).Close()
			n := w.node()
			n.mu.Lock()
			n.queue.n = 1 // as if somebody waited
			n.grow()
			n.queue.n = 0
			got := n.ordinary()
			n.mu.Unlock()
			if synctest.Wait(); got != slots {
				t.Errorf("with the ids up to %d: %d connections, want %d", last, got, slots)
			}
		})
	}
}

// TestNoGrowthWithoutABound: where no connection is ever full, who waits for the first to be redialed is no reason to
// make one more.
func TestNoGrowthWithoutABound(t *testing.T) {
	opts := []PoolOption{WithConnectNumber(1), WithMaxIdleConnsPerHost(2), WithReconnect(3, 10000*time.Hour, 10000*time.Hour)}
	withWorld(t, worldParser{}, opts, func(t *testing.T, w *world) {
		m := w.mustGet(t.Context())
		defer m.Close()
		w.mustWrite(m, 1)
		synctest.Wait()
		w.peers[0].nc.Close()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := w.pool.GetMuxConn(ctx, "tcp", "peer:1", w.opts); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a Get: %v", err)
		}
		if s := w.pool.Stats(); s.Dials != 1 {
			t.Errorf("%d dials, want that of the connection which is lost", s.Dials)
		}
	})
}

// TestLimitTellsItsReason: where nothing has failed, and connections have left, one after the other.
func TestLimitTellsItsReason(t *testing.T) {
	const limit = "reconnect limit reached: 3 attempts: connection lost: going away"
	synctest.Test(t, func(t *testing.T) {
		r := newSlotRig(t, conns(1))
		defer r.end()
		told := make(map[EventKind]string)
		r.pool.Subscribe(func(e Event) {
			if e.Err != nil {
				told[e.Kind] = e.Err.Error()
			}
		})
		for _, step := range []string{"get", "accept", "leave 1", "get", "accept", "leave 2", "get", "back", "accept", "leave 3"} {
			r.play(step)
		}
		if told[ReconnectLimit] != "muxpool: "+limit || told[NodeExpelled] != "muxpool: connections have been expelled; "+limit {
			t.Errorf("told %q", told)
		}
	})
}
