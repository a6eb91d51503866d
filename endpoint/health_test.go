package endpoint

import (
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/kit/sd"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// teller is a pool that tells what a test wants.
type teller struct {
	mu     sync.Mutex
	listen func(muxpool.Event)
}

func (t *teller) Subscribe(listener func(muxpool.Event)) (cancel func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.listen = listener
	return func() {}
}

func (t *teller) tell(ev muxpool.Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.listen(ev)
}

// A node that was silent, and answers pings again, is not taken back while it says that it
// does not serve. Nobody has configured a Prober.
func TestTheDefaultProbeAsksForHealth(t *testing.T) {
	villagers(t, sd.FixedInstancer{"a:1", "b:1"}, func(t *testing.T, h *household) {
		var pool teller
		defer h.breakers.Watch(&pool)()
		call := h.method("Echo")
		a, stop := h.serveToo("a:1", h.methods)
		defer stop()
		defer h.serve("b:1", h.methods)()
		for range 20 { // both are known, and connected
			if err := call(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		node := muxpool.Node{Network: "tcp", Address: "a:1"}
		open := func() error {
			synctest.Wait()
			for _, n := range h.set.Nodes() {
				if n.Node == node {
					return n.Open
				}
			}
			t.Fatal("the node is gone")
			return nil
		}
		a.SetServing("", false)
		identity := transport.NewClient(h.pool, node, native.Protocol{}, "Echo", transport.EncodeBytes, transport.DecodeBytes).Identity()
		pool.tell(muxpool.Event{Kind: muxpool.NodeExpelled, Node: node, Identity: identity, Reason: muxpool.ReasonKeepAliveTimeout, Err: errors.New("silent")})
		for range 20 {
			if open() == nil {
				t.Fatal("the node is taken back, and does not serve")
			}
			time.Sleep(500 * time.Millisecond)
		}
		a.SetServing("", true)
		time.Sleep(time.Second)
		if err := open(); err != nil {
			t.Errorf("the node serves, and is out: %v", err)
		}
	})
}
