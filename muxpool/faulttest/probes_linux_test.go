package faulttest_test

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/internal/world"
	"github.com/muxkit/muxkit/muxpool/muxtest"
)

func init() {
	idle := func(story func(*world.World, *netns)) func(*testing.T) {
		return func(t *testing.T) {
			setup := world.Setup{Beside: true, Notices: true, Opts: []muxpool.PoolOption{muxpool.WithConnectNumber(12)}}
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

// oneProbeLost: each connection loses one packet, a probe of the kernel's, while nobody calls. It is
// probed again, and none is given up.
func oneProbeLost(w *world.World, ns *netns) {
	_, port, _ := net.SplitHostPort(w.Caller.Node.Address)
	ns.must("nft add set inet faults lost { type inet_service ; flags dynamic ; }")
	ns.must("nft add rule inet faults input tcp dport " + port + " add @lost { tcp sport quota until 60 bytes } counter drop")
	ns.must("nft add rule inet faults input tcp dport " + port + " counter")
	w.Until(5*time.Second, "each has lost a probe, and others came", func() bool {
		time.Sleep(250 * time.Millisecond) // commands take long when many start at once
		lost, came := packets(w, ns)
		return lost == 12 && came >= 3*12
	})
	if n := len(w.Heard(muxpool.ConnDown)); n > 0 {
		w.Errorf("%d idle connections of 12 were given up for one lost probe", n)
	}
	if failed := w.Calls(100, 5*time.Second).Land(); len(failed) > 0 {
		w.Error("after it: ", failed[0])
	}
}

// packets tells what the two counters of the firewall have counted.
func packets(w *world.World, ns *netns) (first, second int) {
	w.Helper()
	for i, rule := range strings.Split(ns.output("nft list chain inet faults input"), "packets ")[1:] {
		if _, err := fmt.Sscan(rule, []*int{&first, &second}[i]); err != nil {
			w.Fatal(err)
		}
	}
	return first, second
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
