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

	s, n, o := g.scope(""), g.find(node), g.find(other)
	gate := o.plain.Load().circuit.gate.Load()
	g.mu.Lock()
	n.mu.Lock()
	o.mu.Lock()
	gate.judge.mu.Lock()
	s.census.mu.Lock()
	g.notices.mu.Lock()
	_, err := ep(context.Background(), nil)
	check := g.Check(node)
	g.notices.mu.Unlock()
	s.census.mu.Unlock()
	gate.judge.mu.Unlock()
	o.mu.Unlock()
	n.mu.Unlock()
	g.mu.Unlock()
	if err != nil || check != nil {
		t.Errorf("call: %v, Check: %v", err, check)
	}
}
