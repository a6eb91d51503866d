package faulttest_test

import (
	"fmt"
	"strings"
	"sync"
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
			inNetns(t, setup, func(w *world.World, _ *muxtest.Process, ns *netns) {
				w.Until(2*time.Second, "12 connections", func() bool { return w.Call() == nil && len(w.Node().Conns) == 12 })
				story(w, ns)
			})
		}
	}
	for round := range world.Often(20, 1) {
		silences[fmt.Sprintf("a probe is lost, %d", round)] = idle(oneProbeLost)
	}
	silences["all probes are lost"] = idle(allProbesLost)
}

// lossTurn is held while nothing passes, by one namespace after the other, since commands
// take long when many start at once.
var lossTurn sync.Mutex

// oneProbeLost: for 400 ms, or until a probe is lost, no packet passes, while nobody calls. With a keepalive of 2 s
// the kernel probes each second; whichever probe is lost is not the last.
func oneProbeLost(w *world.World, ns *netns) {
	time.Sleep(1800 * time.Millisecond)
	lossTurn.Lock()
	took, lost := time.Duration(0), false
	for tries := 0; tries < 3 && !lost; tries++ { // there is one each second
		ns.must("nft add rule inet faults input counter drop")
		start := time.Now()
		time.Sleep(400 * time.Millisecond)
		for !lost && time.Since(start) < 800*time.Millisecond {
			lost = !strings.Contains(ns.output("nft list chain inet faults input"), "packets 0 ")
		}
		ns.must("nft flush chain inet faults input")
		took = time.Since(start)
	}
	lossTurn.Unlock()
	switch {
	case took > time.Second: // so that two of a connection's may have been lost
		w.Skipf("the machine is late: nothing passed for %v", took)
	case !lost:
		unable(w.T, "this kernel probes nobody")
	}
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
	ns.must("nft add rule inet faults input drop")
	w.Until(world.DropWithin, "the idle connections are dropped", func() bool { return len(w.Heard(muxpool.ConnDown)) == 12 })
	for _, e := range w.Heard(0) {
		if e.Reason.Failure() || e.Kind == muxpool.NodeExpelled {
			w.Errorf("a breaker would count %v", e)
		}
	}
	ns.must("nft flush chain inet faults input")
	if failed := w.Calls(100, 5*time.Second).Land(); len(failed) > 0 {
		w.Error("with the network back: ", failed[0])
	}
}
