package wire

import "testing"

// TestAdvance: with each of the least bytes the peer has got somewhere, and with what lies behind a lost segment for
// so many looks; bytes begin that count anew.
func TestAdvance(t *testing.T) {
	a := advance{acked: 100}
	for i, step := range []struct {
		t     Transit
		looks int // for so many it is somewhere, then no more
	}{
		{Transit{Acked: 100 + leastAcked - 1}, 0},
		{Transit{Acked: 100 + leastAcked}, 1},
		{Transit{Acked: 100 + leastAcked, Held: 1}, heldLooks},
		{Transit{Acked: 100 + 2*leastAcked - 1}, 0},
		{Transit{Acked: 100 + 2*leastAcked, Held: 2}, 1 + heldLooks},
	} {
		n := 0
		for n < 2*heldLooks && a.made(step.t) {
			n++
		}
		if n != step.looks {
			t.Errorf("step %d: %d looks find that it got somewhere, want %d", i, n, step.looks)
		}
	}
}
