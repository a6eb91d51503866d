package muxpool

import (
	"slices"
	"testing"
)

// checkNode checks what must hold of a node whenever nothing is under way.
func checkNode(t *testing.T, n *node) {
	n.mu.Lock()
	defer n.mu.Unlock()
	count := make(map[slotState]int)
	var bulk []*slot
	for i, s := range n.slots {
		count[s.state]++
		if s.bulk {
			bulk = append(bulk, s)
		}
		if (s.conn != nil) != s.state.up() {
			t.Fatalf("slot %d: state %d, conn %p", i, s.state, s.conn)
		}
		if s.conn != nil {
			checkConn(t, s.conn)
		}
	}
	up := count[slotUp] + count[slotRenewing]
	trying := count[slotDialing] + count[slotRedialing] + count[slotWaiting]
	var ok bool
	switch n.state {
	case NodeUp:
		ok = up > 0
	case NodeDialing, NodeReconnecting:
		ok = up == 0 && trying > 0
	default:
		ok = up == 0 && trying == 0 && n.queue.n == 0
	}
	if !ok {
		t.Fatalf("node is %v with slots %v and %d waiting", n.state, count, n.queue.n)
	}
	if int(n.waiting.Load()) != n.queue.n {
		t.Fatalf("waiting %d, queue %d", n.waiting.Load(), n.queue.n)
	}
	open := *n.open.Load()
	if len(n.conns()) != up {
		t.Fatalf("%d conns are shown, %d are", len(n.conns()), up)
	}
	switch {
	case len(bulk) > 1:
		t.Fatalf("%d slots are the bulk connection's", len(bulk))
	case len(bulk) == 0 && n.bulk.Load() != nil, len(bulk) == 1 && n.bulk.Load() != bulk[0].conn:
		t.Fatal("the bulk connection that is shown is not that of its slot")
	case slices.Contains(open, n.bulk.Load()) && len(open) > 1:
		t.Fatal("the bulk connection is shown to other calls, though others are up")
	}
	anybody := false // waits for any id
	for w := n.queue.first; w != nil; w = w.next {
		anybody = anybody || !w.call.explicit
	}
	if anybody {
		for _, c := range *n.open.Load() {
			c.mu.Lock()
			full := c.full() || c.ids.full()
			c.mu.Unlock()
			if !full {
				t.Fatal("a Get waits although a connection has a place")
			}
		}
	}
	if ordinary := len(n.slots) - len(bulk); ordinary > n.opts.maxConns {
		t.Fatalf("%d slots, at most %d are allowed", ordinary, n.opts.maxConns)
	}
}

func checkConn(t *testing.T, c *conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state != connOpen {
		t.Fatalf("a conn in its slot is %v", c.state)
	}
	if int(c.inFlight.Load()) != c.ids.live.len() {
		t.Fatalf("inFlight %d, live %d", c.inFlight.Load(), c.ids.live.len())
	}
	if limit := c.node.opts.maxVirConns; limit > 0 && c.ids.live.len() > limit {
		t.Fatalf("%d calls, at most %d are allowed", c.ids.live.len(), limit)
	}
	for id, cl := range c.ids.live.all() {
		if both := c.ids.reserved.awaited(id) > 0; both || !cl.live || cl.id != id || cl.conn != c {
			t.Fatalf("id %d: call %+v, reserved %v", id, cl, both)
		}
	}
}
