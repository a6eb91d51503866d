package breaker

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
)

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// Who takes the channel before he asks misses nothing: each change of what Ready says, also
// that of time alone, closes it.
func TestChangedTellsOfEachChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewGroup(WithEjectionTime(time.Second, time.Second), WithoutJitter())
		defer g.Close()
		s := g.Scope("payments")
		n := muxpool.Node{Network: "tcp", Address: "a:1"}
		guard := s.Guard(Target{Node: n})
		for name, change := range map[string]func(){
			"an order":   func() { g.ForceOpen(n, nil) },
			"a setting":  func() { g.Update(WithMaxEjection(0.3)) },
			"a new node": func() { s.Hold(muxpool.Node{Network: "tcp", Address: "b:1"}) },
		} {
			changed, before := s.Changed(), s.Changes()
			if isClosed(changed) {
				t.Errorf("%s: closed before", name)
			}
			change()
			if !isClosed(changed) || s.Changes() == before {
				t.Errorf("%s is not told", name)
			}
		}
		g.Enable(n)
		g.hear(muxpool.Event{Kind: muxpool.NodeExpelled, Node: n, Reason: muxpool.ReasonDialFailed})
		changed := s.Changed()
		if guard.Ready() {
			t.Fatal("an expelled node is ready")
		}
		begin := time.Now()
		bounded.Receive(t, changed)
		if !guard.Ready() || time.Since(begin) > time.Second {
			t.Errorf("ready %v after %v", guard.Ready(), time.Since(begin))
		}
	})
}

// All who wait hear of a change, however they come.
func TestChangedWakesAllWhoWait(t *testing.T) {
	var c changes
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for seen := c.Load(); seen < 1000; seen = c.Load() {
				changed := c.next()
				if c.Load() == seen && seen < 1000 {
					<-changed
				}
			}
		})
	}
	for range 1000 {
		c.Add(1)
	}
	bounded.Wait(t, wg.Wait)
}

func TestChangesCostNothingWhileNobodyWaits(t *testing.T) {
	var c changes
	if n := bounded.Allocs(100, func() { c.Add(1) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
