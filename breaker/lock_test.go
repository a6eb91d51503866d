package breaker

import (
	"context"
	"testing"

	"github.com/go-kit/kit/endpoint"

	"github.com/muxkit/muxkit/muxpool"
)

// While every lock that nodes share is held, and every lock of another node and
// this node's own mu, a call to a closed node goes through. If it took one of them
// it would never return.
func TestClosedCallsTakeNoSharedLock(t *testing.T) {
	g := NewGroup()
	defer g.Close()
	node, other := muxpool.Node{Network: "tcp", Address: "a:1"}, muxpool.Node{Network: "tcp", Address: "b:1"}
	ep := g.Middleware(node)(endpoint.Nop)
	g.Middleware(other)

	n, o := g.find(node), g.find(other)
	g.mu.Lock()
	n.mu.Lock()
	o.mu.Lock()
	o.gate.Load().judge.mu.Lock()
	g.census.mu.Lock()
	g.notices.mu.Lock()
	_, err := ep(context.Background(), nil)
	check := g.Check(node)
	g.notices.mu.Unlock()
	g.census.mu.Unlock()
	o.gate.Load().judge.mu.Unlock()
	o.mu.Unlock()
	n.mu.Unlock()
	g.mu.Unlock()
	if err != nil || check != nil {
		t.Errorf("call: %v, Check: %v", err, check)
	}
}
