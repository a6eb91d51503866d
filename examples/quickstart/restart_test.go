package main

import (
	"testing"
	"time"

	muxendpoint "github.com/muxkit/muxkit/endpoint"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/muxtest"
)

// TestRollingRestart restarts every node in turn, gracefully, under load: no call
// fails, although none may be sent twice.
func TestRollingRestart(t *testing.T) {
	muxtest.CheckLeaks(t)
	nodes, c := startThree(t, muxendpoint.WithIdempotent(func(any) bool { return false }),
		muxendpoint.WithRetry(3, 10*time.Second)) // a busy machine has answered by then
	load := startLoad(c, 8)
	for _, p := range nodes {
		node := muxpool.Node{Network: "tcp", Address: p.address}
		served := c.ledger.of(node).answered.Load()
		waitFor(t, "calls to the node", func() bool { return c.ledger.of(node).answered.Load() > served+50 })
		if err := stopAll([]*process{p}); err != nil {
			t.Fatal(err)
		}
		if err := p.start(); err != nil {
			t.Fatal(err)
		}
		waitFor(t, "calls to the new process", func() bool {
			n, err := p.received()
			if err != nil {
				t.Fatal(err)
			}
			return n > 10
		})
	}
	for _, r := range load.stop() {
		if r.err != nil {
			t.Errorf("a call failed: %v", r.err)
		}
	}
}
