package breaker

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/muxkit/muxkit/muxpool"
)

// Deviation's timer ends with its service, and with the group.
func TestSweepsEndWithTheirService(t *testing.T) {
	for name, end := range map[string]func(g *Group, release func()){
		"forgotten":    func(_ *Group, release func()) { release() },
		"closed":       func(g *Group, _ func()) { g.Close() },
		"not compared": func(g *Group, _ func()) { _ = g.Update(WithDetectors()) },
	} {
		synctest.Test(t, func(t *testing.T) {
			g := NewGroup(WithDetectors(Deviation(1, 5, 10, time.Second)))
			defer g.Close()
			s, release := g.UseScope("shop")
			timer := s.sweep.timer
			if timer == nil || s.sweep.interval != time.Second {
				t.Fatalf("%s: %+v", name, s.sweep)
			}
			end(g, release)
			if s.sweep != (sweep{}) || timer.Stop() {
				t.Errorf("%s: %+v, or its timer runs", name, s.sweep)
			}
		})
	}
}

// A service holds nothing of a node that is forgotten.
func TestServicesLetGoOfForgottenNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewGroup(WithForget(time.Minute))
		defer g.Close()
		shop := g.Scope("shop")
		id := muxpool.Node{Network: "tcp", Address: "10.0.0.1:7000"}
		shop.Hold(id)()
		g.Trip(id, nil)
		g.Hold(id)()
		seats := func() (named, own int) {
			g.mu.Lock()
			defer g.mu.Unlock()
			return len(shop.seats), len(g.scope("").seats) // which is known: it takes no lock
		}
		if named, own := seats(); named != 1 || own != 1 {
			t.Fatalf("%d and %d seats", named, own)
		}
		time.Sleep(3 * time.Minute)
		synctest.Wait()
		if named, own := seats(); g.find(id) != nil || named != 0 || own != 0 {
			t.Errorf("known %v, %d and %d seats", g.find(id) != nil, named, own)
		}
	})
}

// What only discovery names counts among a service's nodes again when those are forgotten that called it.
func TestForgettingCallersHasHeldNodesCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewGroup()
		defer g.Close()
		id := muxpool.Node{Network: "tcp", Address: "10.0.0.1:7000"}
		bank := g.Scope("bank")
		defer bank.Hold(id)()
		live := func(when string, want int) {
			t.Helper()
			if n := bank.census.roll(muxpool.Identity{}, "").live; n != want {
				t.Errorf("%s: %d of bank's nodes count, want %d", when, n, want)
			}
		}
		live("held", 1)
		shop, release := g.UseScope("shop")
		shop.Guard(Target{Node: id})
		live("shop calls it", 0)
		before := bank.Changes()
		release()
		live("shop is forgotten", 1)
		if bank.Changes() == before {
			t.Error("bank's balancers are not told")
		}
	})
}
