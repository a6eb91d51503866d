package muxpool

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
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
