package breaker

import (
	"context"
	"testing"
	"time"

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
	type answers struct{ err, check error }
	answered := make(chan answers, 1)
	var got answers
	g.mu.Lock()
	n.mu.Lock()
	o.mu.Lock()
	gate.judge.mu.Lock()
	s.census.mu.Lock()
	g.notices.mu.Lock()
	go func() { // a panic ends the process, where Close would wait for a lock
		_, err := ep(context.Background(), nil)
		answered <- answers{err, g.Check(node)}
	}()
	select {
	case got = <-answered:
	case <-time.After(time.Minute):
		t.Error("the call waits for a lock")
	}
	g.notices.mu.Unlock()
	s.census.mu.Unlock()
	gate.judge.mu.Unlock()
	o.mu.Unlock()
	n.mu.Unlock()
	g.mu.Unlock()
	if got.err != nil || got.check != nil {
		t.Errorf("call: %v, Check: %v", got.err, got.check)
	}
}
