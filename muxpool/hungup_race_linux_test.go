//go:build !386

package muxpool

import (
	"net"
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
	for i := range 10000 {
		c := &conn{born: time.Now().Add(-time.Hour), peek: peek, inFlight: new(atomic.Int32)}
		c.inFlight.Store(1)
		hungUp := false
		bounded.AtOnce(t, func() {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.state = connClosed
			c.loaded()
		}, func() {
			for range i % 128 { // at each point of the end now and then
				_ = c.rested.Load()
			}
			hungUp = c.hungUp()
		})
		if !hungUp {
			t.Fatalf("it has not, the %d. time", i)
		}
	}
}
