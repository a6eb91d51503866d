package muxpool

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
)

// TestShutdownAgain: it has nothing to do then, whether or not there were connections.
func TestShutdownAgain(t *testing.T) {
	for name, used := range map[string]bool{"of a pool that was used": true, "of one that was not": false} {
		t.Run(name, func(t *testing.T) {
			withWorld(t, worldParser{}, []PoolOption{WithConnectNumber(2)}, func(t *testing.T, w *world) {
				if used {
					w.mustGet(t.Context()).Close()
					synctest.Wait()
				}
				for i := range 3 {
					if err := w.pool.Shutdown(t.Context()); err != nil {
						t.Errorf("number %d: %v", i+1, err)
					}
				}
			})
		})
	}
}

// TestPreWarmIsNoCall: it has an id of its own, whatever the options say, until the peer has answered, and keeps
// none.
func TestPreWarmIsNoCall(t *testing.T) {
	opts := []PoolOption{WithConnectNumber(1), WithKeepAlive(time.Hour), WithStallTimeout(time.Hour)}
	withWorld(t, askingParser{}, opts, func(t *testing.T, w *world) {
		call := w.mustGet(t.Context(), func(o *GetOptions) { o.WithVID(7) })
		defer call.Close()
		w.mustWrite(call, 1)
		warm, warmed := w.opts, make(chan error, 1)
		warm.WithVID(7) // which the call has
		go func() { warmed <- w.pool.PreWarm(t.Context(), "tcp", "peer:1", warm) }()
		if synctest.Wait(); len(warmed) > 0 {
			t.Fatal("it does not wait for the peer: ", bounded.Receive(t, warmed))
		}
		w.says(worldFrame(worldAlive, 0, 0))
		if err := bounded.Receive(t, warmed); err != nil {
			t.Error(err)
		}
		if n := w.pool.Stats().InFlight; n != 1 {
			t.Errorf("%d calls are in flight, want the one beside it", n)
		}
	})
}

// TestPreWarmOfADatagramSocketAsksNobody: that a packet is lost says nothing.
func TestPreWarmOfADatagramSocketAsksNobody(t *testing.T) {
	withWorld(t, askingParser{}, []PoolOption{WithConnectNumber(1)}, func(t *testing.T, w *world) {
		if err := w.pool.PreWarm(t.Context(), "udp", "peer:1", w.opts); err != nil {
			t.Error(err)
		}
		if synctest.Wait(); len(w.peers) != 1 || len(w.peers[0].got) != 0 {
			t.Errorf("%d sockets, and the peer got %x", len(w.peers), w.peers[0].got)
		}
	})
}
