package muxpool

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// TestFiguresOfAForgottenNode: what a node has counted stays when it is forgotten since nobody calls it.
func TestFiguresOfAForgottenNode(t *testing.T) {
	inRig(t, conns(1), "get, accept, call 1, end, close 1, 10m", func(r *slotRig) {
		s := r.pool.Stats()
		if len(s.Nodes) != 0 || s.Dials != 1 || s.ConnsClosed.By(ReasonPeerClosed) != 1 || s.Calls.Started != 2 || s.BytesWritten != worldLen {
			t.Errorf("%d nodes are known, and counted is %+v", len(s.Nodes), s.Counters)
		}
	})
}

// TestAForgottenNodeTakesNoCalls: a Get that has found it just before is sent back to the pool.
func TestAForgottenNodeTakesNoCalls(t *testing.T) {
	withWorld(t, worldParser{}, []PoolOption{WithConnectNumber(1), WithIdleTimeout(time.Minute)}, func(t *testing.T, w *world) {
		w.mustGet(t.Context()).Close()
		n := w.node()
		time.Sleep(5 * time.Minute)
		if known := len(w.pool.Stats().Nodes); known != 0 {
			t.Fatalf("%d nodes are known", known)
		}
		if m, err := w.pool.open(t.Context(), n, &w.opts); err != errForgotten {
			t.Errorf("got %v, %v, want to look again", m, err)
		}
	})
}

// TestTimersOfAPoolThatIsClosed: none is left that keeps what they know, whatever they are for; also if one
// has fired just before.
func TestTimersOfAPoolThatIsClosed(t *testing.T) {
	t.Run("a node's", func(t *testing.T) {
		withWorld(t, worldParser{}, []PoolOption{WithConnectNumber(1)}, func(t *testing.T, w *world) {
			defer w.mustGet(t.Context()).Close()
			n := w.node()
			w.pool.Close()
			for _, when := range []string{"Close", "its time"} {
				synctest.Wait()
				n.mu.Lock()
				if n.forget.Stop() {
					t.Errorf("it is set after %s", when)
				}
				n.mu.Unlock()
				w.pool.forget(n) // as the timer does
			}
			if got := n.stats().State; got != NodeIdle || n.closed != ErrPoolClosed {
				t.Errorf("the node is %v, closed with %v", got, n.closed)
			}
		})
	})
	t.Run("a slot's", func(t *testing.T) {
		inRig(t, conns(1), "get, accept, call 1, close 1", func(r *slotRig) {
			n := r.node()
			n.mu.Lock()
			timer := n.slots[0].timer
			n.mu.Unlock()
			if r.play("quit"); timer.Stop() {
				t.Error("it is set after Close")
			}
		})
	})
	t.Run("that of patient Reads", func(t *testing.T) {
		patientWorld(t, patientFrom, time.Minute, func(w *world, calls []*muxConn, _ []context.CancelFunc) {
			end := readLater(calls[0])
			synctest.Wait()
			c := calls[0].conn
			w.pool.Close()
			<-end
			synctest.Wait()
			c.mu.Lock()
			defer c.mu.Unlock()
			if c.patience.timer == nil || c.patience.timer.Stop() {
				t.Error("it is set after Close, or was never")
			}
		})
	})
}
