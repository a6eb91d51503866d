package bounded

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
)

// AtOnce runs two functions at the same moment, as nearly as two processors do, and waits for both: the
// first on a goroutine of its own, the second on the caller's, where it may fail the test. It is for tests of what
// lock-free code makes of another's step between two of its own, and called many times.
func AtOnce(t testing.TB, first, second func()) {
	t.Helper()
	var ready, begin atomic.Bool
	var other sync.WaitGroup
	other.Go(func() {
		ready.Store(true)
		for spins := 0; !begin.Load(); spins++ {
			if spins > 50_000 { // the processor may be the only one
				runtime.Gosched()
			}
		}
		first()
	})
	for !ready.Load() {
		runtime.Gosched()
	}
	begin.Store(true)
	second()
	Wait(t, other.Wait)
}
