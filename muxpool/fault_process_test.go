//go:build unix

package muxpool_test

import (
	"context"
	"net"
	"os/exec"
	"sync/atomic"
	"testing"
	"time"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/muxtest"
)

// onProcess is a world whose victim is a process of its own.
func onProcess(t *testing.T, s setup, start func(*exec.Cmd) error, story func(*world, *muxtest.Process)) {
	t.Helper()
	muxtest.CheckLeaks(t)
	p, err := muxtest.StartProcess("tcp", "127.0.0.1:0", start)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	w := &world{T: t, victim: muxtest.NewPeer(nil), healthy: muxtest.NewPeer(nil), lag: muxtest.WatchLag()}
	defer w.lag.Stop()
	healthy := w.must(w.healthy.Listen("tcp", "127.0.0.1:0", nil))
	w.run(s, "tcp", p.Addr(), healthy, s.opts, func(w *world) { story(w, p) })
}

func (w *world) do(p *muxtest.Process, command string) muxtest.Stats {
	w.Helper()
	s, err := p.Do(command)
	if err != nil {
		w.Fatal(err)
	}
	return s
}

func TestFaultProcess_KilledWith1000InFlight(t *testing.T) {
	onProcess(t, setup{}, nil, func(w *world, p *muxtest.Process) {
		w.do(p, "drop")
		calls := w.calls(1000, time.Minute)
		w.until(10*time.Second, "1000 calls at the peer", func() bool { return w.do(p, "stats").Calls == 1000 })
		w.within(200*time.Millisecond, "the failure of 1000 calls", func() {
			if err := p.Kill(); err != nil {
				w.Error(err)
			}
			w.allLost(calls, 1000)
		})
		w.until(5*time.Second, "NodeExpelled", func() bool { return len(w.heard(muxpool.NodeExpelled)) == 1 })
		if err := p.Restart(); err != nil {
			w.Fatal(err)
		}
		w.recovers(time.Second)
	})
}

func TestFaultProcess_Stopped(t *testing.T) {
	for name, parser := range map[string]muxpool.FrameParser{"keepalive": alive{}, "no keepalive": muxtest.Parser{}} {
		t.Run(name, func(t *testing.T) {
			onProcess(t, setup{parser: parser}, nil, func(w *world, p *muxtest.Process) {
				w.prove()
				if err := p.Stop(); err != nil {
					w.Fatal(err)
				}
				stop := w.retry(4, 10*time.Millisecond, 500*time.Millisecond)
				w.until(dropWithin, "both connections are dropped", func() bool { return len(w.heard(muxpool.ConnDown)) >= 2 })
				ups := len(w.heard(muxpool.ConnUp))
				w.until(5*time.Second, "a dial succeeds all the same", func() bool { return len(w.heard(muxpool.ConnUp)) > ups })
				if ready := len(w.heard(muxpool.NodeReady)); ready != 1 {
					w.Errorf("NodeReady %d times, want once, before the stop: a connect proves nothing", ready)
				}
				if err := p.Continue(); err != nil {
					w.Fatal(err)
				}
				w.recovers(time.Second)
				stop()
				w.until(time.Second, "NodeReady once more", func() bool { return len(w.heard(muxpool.NodeReady)) == 2 })
			})
		})
	}
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
	s := setup{alone: true, opts: []muxpool.PoolOption{muxpool.WithDialContext(count)}}
	onProcess(t, s, nil, func(w *world, p *muxtest.Process) {
		stop := w.retry(8, time.Millisecond, time.Second)
		defer stop()
		for range often(100, 5) {
			w.recovers(time.Second)
			if err := p.Kill(); err != nil {
				w.Fatal(err)
			}
			if err := p.Restart(); err != nil {
				w.Fatal(err)
			}
		}
		w.recovers(time.Second)
		if worst.Load() > 2 {
			w.Errorf("%d dials at once, want one a connection at most", worst.Load())
		}
	})
}

// TestFaultProcess_Outage: the outage of the matrix, with a process that is
// gone for 1.5 s.
func TestFaultProcess_Outage(t *testing.T) {
	onProcess(t, setup{}, nil, func(w *world, p *muxtest.Process) {
		stop := w.retry(64, time.Millisecond, time.Second)
		for range often(20, 1) {
			w.recovers(time.Second)
			if err := p.Kill(); err != nil {
				w.Fatal(err)
			}
			time.Sleep(1500 * time.Millisecond) // the outage
			if err := p.Restart(); err != nil {
				w.Fatal(err)
			}
			time.Sleep(w.allowed(time.Second)) // the time to recover
			ok, all := w.count()
			time.Sleep(200 * time.Millisecond) // the sample
			ok2, all2 := w.count()
			if ok, all = ok2-ok, all2-all; all == 0 || ok*100 < all*99 {
				w.Errorf("%d of %d calls succeed a second after the outage", ok, all)
			}
		}
		stop()
	})
}
