package endpoint

import (
	"testing"
	"time"

	"github.com/go-kit/kit/sd"
)

// TestOnlyProbesDialWhereAllNodesAreOut: nothing is there for ten seconds, and a caller that does not wait
// calls each millisecond. Each call fails at once, and nobody but the probes dials.
func TestOnlyProbesDialWhereAllNodesAreOut(t *testing.T) {
	villagers(t, sd.FixedInstancer{"a:1", "b:1"}, func(t *testing.T, h *household) {
		call := h.method("Echo")
		stops := []func(){h.serve("a:1", h.methods), h.serve("b:1", h.methods)}
		if err := call(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, stop := range stops {
			stop()
		}
		h.out(t, call)
		before := h.pool.Stats().Dials
		for began := time.Now(); time.Since(began) < 10*time.Second; time.Sleep(time.Millisecond) {
			start := time.Now()
			if err := call(t.Context()); err == nil {
				t.Fatal("a call succeeded")
			}
			if took := time.Since(start); took > 5*time.Millisecond {
				t.Errorf("a call failed after %v", took)
			}
		}
		// A probe asks each node after 0.1, 0.2 and 0.4 s, and then each 0.75 s or sooner, with two connections at most.
		if n := h.pool.Stats().Dials - before; n < 20 || n > 100 {
			t.Errorf("%d dials in ten seconds of 10,000 calls", n)
		}
	}, WithoutWait())
}
