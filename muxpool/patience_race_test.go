package muxpool

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
)

// TestPatienceWhileTheTickingBegins: a Read whose deadline is near is not patient, also if the ticking begins, for
// another one, at just this moment: when the last tick was is news of long ago then.
func TestPatienceWhileTheTickingBegins(t *testing.T) {
	ctx, cancel := context.WithDeadline(context.Background(), time.Now())
	defer cancel()
	cl := &call{ctx: ctx}
	conns := make([]conn, 20000)
	for i := range conns {
		conns[i].inFlight = new(atomic.Int32)
		conns[i].inFlight.Store(patientFrom)
		conns[i].patience.born = time.Now().Add(-time.Hour)
	}
	var at atomic.Int32
	var other sync.WaitGroup
	other.Go(func() {
		for i := range conns {
			for int(at.Load()) < i {
				runtime.Gosched()
			}
			c := &conns[i]
			c.mu.Lock()
			c.startTick()
			c.patience.timer.Stop()
			c.mu.Unlock()
		}
	})
	patient := 0
	for i := range conns {
		at.Store(int32(i))
		for p := &conns[i].patience; !p.ticking.Load(); {
			for range 100 {
				if conns[i].patient(cl) {
					patient++
				}
			}
			runtime.Gosched()
		}
	}
	bounded.Wait(t, other.Wait)
	if patient > 0 {
		t.Errorf("it is, %d times", patient)
	}
}
