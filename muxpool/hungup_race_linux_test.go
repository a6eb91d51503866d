//go:build !386

package muxpool

import (
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
)

// TestHungUpWhileTheConnEnds: a conn that the peer has closed is seen to be so also if it ends, and its call with it, at
// just this moment.
func TestHungUpWhileTheConnEnds(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nc, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	nc.Close() // a look at it says that it has ended
	l.Close()
	peek := newPeeker(nc)
	for i := range 3000 {
		c := &conn{born: time.Now().Add(-time.Hour), peek: peek, inFlight: new(atomic.Int32)}
		c.inFlight.Store(1)
		var ready, end atomic.Bool
		var loop sync.WaitGroup
		loop.Go(func() {
			ready.Store(true)
			for spins := 0; !end.Load(); spins++ {
				if spins > 200000 { // the processor may be the only one
					runtime.Gosched()
				}
			}
			c.mu.Lock()
			defer c.mu.Unlock()
			c.state = connClosed
			c.loaded()
		})
		for !ready.Load() {
			runtime.Gosched()
		}
		end.Store(true)
		if !c.hungUp() {
			t.Fatalf("it has not, the %d. time", i)
		}
		bounded.Wait(t, loop.Wait)
	}
}
