package transport

import (
	"context"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/muxkit/muxkit/internal/bounded"
)

// greeter is a protocol whose handshake takes no time.
type greeter struct{ ServerProtocol }

func (greeter) ServerHandshake(context.Context, net.Conn) error { return nil }

// TestDrainWhileAGreetingEnds: a connection whose client was let in, and may have called, is not stopped as one that is
// still being greeted, also if it is drained at just this moment.
func TestDrainWhileAGreetingEnds(t *testing.T) {
	s := NewService(greeter{})
	ours, theirs := net.Pipe()
	defer ours.Close()
	defer theirs.Close()
	conns := make([]*serverConn, 20000)
	for i := range conns {
		conns[i] = newServerConn(s, unclosed{ours})
	}
	var at, there atomic.Int32
	var other sync.WaitGroup
	other.Go(func() {
		for i, c := range conns {
			for there.Store(int32(i + 1)); int(at.Load()) <= i; {
				runtime.Gosched()
			}
			for range i % 256 { // at each point of the greeting now and then
				_ = at.Load()
			}
			c.drain()
		}
	})
	let := make([]bool, len(conns))
	for i, c := range conns {
		for int(there.Load()) <= i {
			runtime.Gosched()
		}
		at.Store(int32(i + 1))
		let[i] = c.greet() == nil && c.ctx.Err() == nil
	}
	bounded.Wait(t, other.Wait)
	stopped := 0
	for i, c := range conns {
		if let[i] && c.ctx.Err() != nil {
			stopped++
		}
		c.stop(ErrServiceClosed)
	}
	if stopped > 0 {
		t.Errorf("%d were stopped", stopped)
	}
}

// unclosed is a connection of several.
type unclosed struct{ net.Conn }

func (unclosed) Close() error { return nil }
