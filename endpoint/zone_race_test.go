package endpoint

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/muxkit/muxkit/internal/bounded"
)

// TestZoneWhileASlowStartEnds: which part of the calls stays in a zone is not taken to hold for good by what a slow start
// leaves of a node's share, also if that ends at just this moment.
func TestZoneWhileASlowStartEnds(t *testing.T) {
	type zone struct {
		crossing
		near  [1]candidate
		ended atomic.Bool
	}
	begins := &ramp{0, 1 << 62} // all the time
	zones := make([]zone, 20000)
	for i := range zones {
		z := &zones[i]
		z.moves, z.named = new(atomic.Uint64), full
		z.near[0].NodeEndpoint = NewNodeEndpoint(node("a"), nil)
		z.near[0].member.weight.rising.Store(begins)
	}
	var at atomic.Int32
	var other sync.WaitGroup
	other.Go(func() {
		for i := range zones {
			for int(at.Load()) <= i {
				runtime.Gosched()
			}
			zones[i].near[0].member.weight.rising.CompareAndSwap(begins, nil) // as who finds that it has ended
			zones[i].ended.Store(true)
		}
	})
	wrong := 0
	for i := range zones {
		z := &zones[i]
		for at.Store(int32(i + 1)); !z.ended.Load(); {
			for range 100 {
				if s := z.count(z.near[:]); s.part < full && s.until == 0 {
					wrong++
				}
			}
			runtime.Gosched()
		}
	}
	bounded.Wait(t, other.Wait)
	if wrong > 0 {
		t.Errorf("it is, %d times", wrong)
	}
}
