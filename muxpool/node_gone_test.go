package muxpool

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// TestLossOfADroppedNode: a connection that is lost just when its node is let go of is told as lost.
// That the node has none left is not told as its expulsion: who has dropped it may have named a new one
// there.
func TestLossOfADroppedNode(t *testing.T) {
	withWorld(t, worldParser{}, []PoolOption{WithConnectNumber(1)}, func(t *testing.T, w *world) {
		kinds := w.hear()
		m := w.mustGet(context.Background())
		defer m.Close()
		w.mustWrite(m, 1)
		n := m.conn.node
		n.shut(errForgotten) // as Drop does, before it drains the connections
		m.conn.close(ReasonConnLost, fmt.Errorf("%w: reset", ErrConnLost))
		synctest.Wait()
		if down, expelled := count(*kinds, ConnDown), count(*kinds, NodeExpelled); down != 1 || expelled != 0 {
			t.Errorf("told of %d losses and %d expulsions, want one and none", down, expelled)
		}
	})
}

// TestDropAfterAnIdentityWasForgotten: one identity of a node is idle for so long that it is forgotten. The others
// are still dropped by the node's name, and with the last nothing is left of that.
func TestDropAfterAnIdentityWasForgotten(t *testing.T) {
	withWorld(t, worldParser{}, quietOptions(WithIdleTimeout(time.Minute)), func(t *testing.T, w *world) {
		w.mustGet(t.Context()).Close()
		used := w.mustGet(t.Context(), func(o *GetOptions) { o.WithFrameParser(hollowParser{}) })
		time.Sleep(10 * time.Minute) // of bubble time
		if n := len(w.pool.NodeStats(Node{"tcp", "peer:1"})); n != 1 {
			t.Fatalf("%d identities are known, want the one that is in use", n)
		}
		if w.node() != used.conn.node {
			t.Fatal("the wrong one is forgotten")
		}
		w.pool.Drop(Node{"tcp", "peer:1"})
		synctest.Wait()
		if s := w.pool.Stats(); len(s.Nodes) != 1 || len(s.Nodes[0].Conns) != 1 || s.Nodes[0].Conns[0].State != ConnDraining {
			t.Errorf("dropped: %+v", s.Nodes)
		}
		if n := len(w.pool.NodeStats(Node{"tcp", "peer:1"})); n != 0 || len(w.pool.named) != 0 {
			t.Errorf("%d identities are known by a name, %d names", n, len(w.pool.named))
		}
		used.Close()
		synctest.Wait()
		if s := w.pool.Stats(); len(s.Nodes) != 0 || s.ConnsClosed.By(ReasonDropped) != 1 {
			t.Errorf("after its last call: %+v", s)
		}
	})
}

// TestDroppedNodeIsToldToTheEnd: with two connections, of which one is lost while the other has a call, it is told
// until that has ended, and all of it is counted then.
func TestDroppedNodeIsToldToTheEnd(t *testing.T) {
	withWorld(t, worldParser{}, quietOptions(WithConnectNumber(2)), func(t *testing.T, w *world) {
		w.mustGet(t.Context()).Close()
		synctest.Wait() // for the other connection
		stays, lost := w.mustGet(t.Context()), w.mustGet(t.Context())
		defer lost.Close()
		w.pool.Drop(Node{"tcp", "peer:1"})
		for _, p := range w.peers {
			if p.ours == lost.conn.nc {
				p.nc.Close()
			}
		}
		synctest.Wait()
		if s := w.pool.Stats(); len(s.Nodes) != 1 || s.InFlight != 1 || s.ConnsClosed.Total() != 1 {
			t.Errorf("one is lost: %+v", s)
		}
		stays.Close()
		synctest.Wait()
		if s := w.pool.Stats(); len(s.Nodes) != 0 || s.InFlight != 0 || s.ConnsClosed.Total() != 2 || s.Calls.Started != 3 || s.Calls.Ended() != 3 {
			t.Errorf("in the end: %+v", s)
		}
	})
}

// TestDropAfterTheEnd: a pool that is closed has nothing to let go of.
func TestDropAfterTheEnd(t *testing.T) {
	withWorld(t, worldParser{}, quietOptions(), func(t *testing.T, w *world) {
		w.mustGet(t.Context()).Close()
		w.pool.Close()
		synctest.Wait()
		if n := len(w.pool.dropNodes(Node{"tcp", "peer:1"})); n != 0 {
			t.Errorf("%d nodes are let go of", n)
		}
	})
}

// TestDropWhileAConnectionIsReplaced: the dial ends just when its node is let go of. The connection that
// it was to replace goes as any other, and then the node does.
func TestDropWhileAConnectionIsReplaced(t *testing.T) {
	for _, end := range []string{"accept", "refuse"} {
		t.Run(end, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newSlotRig(t, []PoolOption{WithConnectNumber(1)})
				defer r.end()
				r.play("get")
				r.play("accept")
				r.play("call 1")
				n := r.node()
				r.conn(1).renew(true)
				synctest.Wait()
				dropped := r.pool.dropNodes(n.name) // as Drop does
				conns := n.shut(errForgotten)
				r.play(end)
				for _, c := range conns {
					c.drain(ReasonDropped, nil)
				}
				n.dropped()
				if len(dropped) != 1 || len(conns) != 1 || n.stats().InFlight != 1 {
					t.Errorf("dropped %d nodes with %d connections and %d calls, want one of each", len(dropped), len(conns), n.stats().InFlight)
				}
				r.play("end")
				if left := r.pool.Stats().Nodes; len(left) != 0 {
					t.Errorf("the pool still has %+v", left)
				}
			})
		})
	}
}
