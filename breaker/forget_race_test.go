package breaker

import (
	"fmt"
	"testing"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
)

// TestOrderWhileTheNodeIsForgotten: what an operator orders, and what the pool tells, holds also if the node is
// forgotten at just this moment: then of the one that comes after it.
func TestOrderWhileTheNodeIsForgotten(t *testing.T) {
	for name, row := range map[string]struct {
		do   func(g *Group, id muxpool.Node)
		want State
	}{
		"ForceOpen": {func(g *Group, id muxpool.Node) { g.ForceOpen(id, nil) }, Open},
		"an event": {func(g *Group, id muxpool.Node) {
			g.hear(muxpool.Event{Kind: muxpool.NodeExpelled, Node: id, Reason: muxpool.ReasonDialFailed})
		}, Open},
	} {
		g := NewGroup()
		for i := range 3000 {
			id := muxpool.Node{Network: "tcp", Address: fmt.Sprintf("10.0.0.1:%d", i+1)}
			g.Hold(id)() // nobody holds it, and no call has come
			n := g.find(id)
			bounded.AtOnce(t, n.tryForget, func() {
				for range i % 64 { // so that each comes first now and then
					_ = g.clock()
				}
				row.do(g, id)
			})
			if st, ok := g.StatusOf(id); !ok || st.State != row.want {
				t.Errorf("%s: the node is known %v, and %v, the %d. time", name, ok, st.State, i)
				break
			}
		}
		g.Close()
	}
}
