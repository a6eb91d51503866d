package muxpool

import (
	"syscall"
	"testing"
	"testing/synctest"
)

// TestWriteFailsAsTheLastCallLeaves: whoever has seen a call just before, no call is lost if none is on the connection
// when that is drained. It was closed while idle, and its node is not expelled.
func TestWriteFailsAsTheLastCallLeaves(t *testing.T) {
	withWorld(t, worldParser{}, quietOptions(), func(t *testing.T, w *world) {
		events := w.hear()
		m := w.mustGet(t.Context())
		m.Close()
		m.conn.inFlight.Store(1) // it is still seen
		m.conn.writeFailed(syscall.EPIPE)
		synctest.Wait()
		if s := w.pool.Stats(); s.ConnsClosed.By(ReasonPeerClosed) != 1 || s.Expelled != 0 || count(*events, NodeExpelled) != 0 {
			t.Errorf("closed %v, %d nodes are expelled; events %v", s.ConnsClosed, s.Expelled, *events)
		}
	})
}
