//go:build unix

package faulttest_test

import (
	"context"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/internal/world"
	"github.com/muxkit/muxkit/muxpool/muxtest"
)

func TestFaultProcess_KilledWith1000InFlight(t *testing.T) {
	world.OnProcess(t, world.Setup{}, nil, func(w *world.World, p *muxtest.Process) {
		w.Do(p, "drop")
		calls := w.Calls(1000, time.Minute)
		w.Until(10*time.Second, "1000 calls at the peer", func() bool { return w.Do(p, "stats").Calls == 1000 })
		if err := p.Kill(); err != nil { // and its end, which takes the kernel a while
			w.Error(err)
		}
		w.Within(200*time.Millisecond, "the failure of 1000 calls", func() { w.AllLost(calls, 1000) })
		w.Until(5*time.Second, "NodeExpelled", func() bool { return len(w.Heard(muxpool.NodeExpelled)) == 1 })
		if err := p.Restart(); err != nil {
			w.Fatal(err)
		}
		w.Recovers(time.Second)
	})
}

func init() {
	for name, parser := range parsers {
		silences["SIGSTOP, "+name] = func(t *testing.T) {
			world.OnProcess(t, world.Setup{Parser: parser, Beside: true, Notices: true}, nil, stopped)
		}
	}
}

func stopped(w *world.World, p *muxtest.Process) {
	w.Prove()
	if err := p.Stop(); err != nil {
		w.Fatal(err)
	}
	stop := w.Retry(4, 10*time.Millisecond, 500*time.Millisecond)
	w.Until(world.DropWithin, "both connections are dropped", func() bool { return len(w.Heard(muxpool.ConnDown)) >= 2 })
	ups := len(w.Heard(muxpool.ConnUp))
	w.Until(5*time.Second, "a dial succeeds all the same", func() bool { return len(w.Heard(muxpool.ConnUp)) > ups })
	if ready := len(w.Heard(muxpool.NodeReady)); ready != 1 {
		w.Errorf("NodeReady %d times, want once, before the stop: a connect proves nothing", ready)
	}
	stop()
	if err := p.Continue(); err != nil {
		w.Fatal(err)
	}
	w.Recovers(time.Second)
	w.Until(time.Second, "NodeReady once more", func() bool { return len(w.Heard(muxpool.NodeReady)) == 2 })
}

func TestFaultProcess_Restarted100Times(t *testing.T) {
	var now, worst atomic.Int64
	count := func(ctx context.Context, network, address string) (net.Conn, error) {
		for n := now.Add(1); n > worst.Load(); {
			worst.Store(n)
		}
		defer now.Add(-1)
		return new(net.Dialer).DialContext(ctx, network, address)
	}
	s := world.Setup{Alone: true, Opts: []muxpool.PoolOption{muxpool.WithDialContext(count)}}
	world.OnProcess(t, s, nil, func(w *world.World, p *muxtest.Process) {
		stop := w.Retry(8, time.Millisecond, w.Allowed(time.Second))
		defer stop()
		for range world.Often(100, 5) {
			w.Recovers(time.Second)
			if err := p.Kill(); err != nil {
				w.Fatal(err)
			}
			if err := p.Restart(); err != nil {
				w.Fatal(err)
			}
		}
		w.Recovers(time.Second)
		if worst.Load() > 2 {
			w.Errorf("%d dials at once, want one a connection at most", worst.Load())
		}
	})
}

func init() {
	processOutage["process"] = func(t *testing.T) {
		world.OnProcess(t, world.Setup{Beside: true}, nil, func(w *world.World, p *muxtest.Process) {
			kill := func() {
				if err := p.Kill(); err != nil {
					w.Fatal(err)
				}
			}
			outages(w, kill, p.Restart)
		})
	}
}
