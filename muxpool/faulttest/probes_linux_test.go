package faulttest_test

import (
	"testing"
	"time"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/internal/world"
	"github.com/muxkit/muxkit/muxpool/muxtest"
)

func init() {
	idle := func(story func(*world.World, *netns)) func(*testing.T) {
		return func(t *testing.T) {
			setup := world.Setup{Beside: true, Opts: []muxpool.PoolOption{muxpool.WithConnectNumber(12)}}
			behind(t, newNetns(t), setup, func(w *world.World, _ *muxtest.Process, ns *netns) {
				w.Until(time.Second, "12 connections", func() bool { return w.Call() == nil && len(w.Node().Conns) == 12 })
				story(w, ns)
			})
		}
	}
	silences["a probe is lost"] = idle(oneProbeLost)
	silences["all probes are lost"] = idle(allProbesLost)
}

// oneProbeLost: for 400 ms no packet passes, while nobody calls. With a keepalive of 2 s
// the kernel probes each second; whichever probe is lost is not the last.
func oneProbeLost(w *world.World, ns *netns) {
	time.Sleep(1800 * time.Millisecond)
	ns.must("ip link set lo down")
	time.Sleep(400 * time.Millisecond)
	ns.must("ip link set lo up")
	time.Sleep(3 * time.Second)
	if n := len(w.Heard(muxpool.ConnDown)); n > 0 {
		w.Errorf("%d idle connections of 12 were given up for one lost probe", n)
	}
	if failed := w.Calls(100, 5*time.Second).Land(); len(failed) > 0 {
		w.Error("after it: ", failed[0])
	}
}

// allProbesLost: the connections are lost, and nothing is held against the node.
func allProbesLost(w *world.World, ns *netns) {
	ns.must("ip link set lo down")
	w.Until(world.DropWithin, "the idle connections are dropped", func() bool { return len(w.Heard(muxpool.ConnDown)) == 12 })
	for _, e := range w.Heard(0) {
		if e.Reason.Failure() || e.Kind == muxpool.NodeExpelled {
			w.Errorf("a breaker would count %v", e)
		}
	}
	ns.must("ip link set lo up")
	if failed := w.Calls(100, 5*time.Second).Land(); len(failed) > 0 {
		w.Error("with the network back: ", failed[0])
	}
}
