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
