package breaker

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
)

// TestSeveralOutWhileAMethodIsAnsweredFirst: a method that was never answered, or was just now, keeps its node from
// going for two others; so does one that is answered at just this moment.
func TestSeveralOutWhileAMethodIsAnsweredFirst(t *testing.T) {
	g := NewGroup()
	defer g.Close()
	id := muxpool.Node{Network: "tcp", Address: "10.0.0.1:7000"}
	s := g.Scope("shop")
	for _, name := range []string{"A", "B", "C"} {
		s.Guard(Target{Node: id, Method: name})
	}
	var m *member
	g.find(id).members(func(o *member) { m = o })
	now := time.Now()
	m.node.mu.Lock()
	defer m.node.mu.Unlock()
	for _, x := range m.methods[:2] {
		x.circuit.eject(now, byCalls, ReasonFailureRate, nil)
	}
	good := &m.methods[2].circuit.good
	var at atomic.Int32
	const tries = 20000
	var calls sync.WaitGroup
	calls.Go(func() {
		for i := range int32(tries) {
			for at.Load() <= i {
				runtime.Gosched()
			}
			good.Store(g.clock())
		}
	})
	for i := range int32(tries) {
		good.Store(neverGood)
		at.Store(i + 1)
		for good.Load() == neverGood {
			for range 100 {
				m.severalOut(now)
			}
			runtime.Gosched()
		}
	}
	bounded.Wait(t, calls.Wait)
	if m.circuit.state != Closed {
		t.Error("it goes")
	}
}
