package endpoint

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/muxkit/muxkit/internal/bounded"
)

func TestGateTellsOnceWhenTheLastHasLeft(t *testing.T) {
	told := 0
	g := gate{empty: func() { told++ }}
	if first := g.enter(); !first || !g.enter() {
		t.Fatal("an open gate keeps callers out")
	}
	g.shut()
	if g.enter() {
		t.Fatal("a shut gate lets callers in")
	}
	g.leave()
	equal(t, "told with one inside", told, 0)
	equal(t, "inside", g.inside(), 1)
	g.leave()
	equal(t, "told after the last left", told, 1)
	g.shut()
	g.enter()
	equal(t, "told in all", told, 1)
}

func TestGateShutWithNobodyInside(t *testing.T) {
	told := 0
	g := gate{empty: func() { told++ }}
	g.shut()
	equal(t, "told", told, 1)
}

func TestGateUnderRaces(t *testing.T) {
	for range 200 {
		var told, inside atomic.Int64
		g := gate{}
		g.empty = func() {
			told.Add(1)
			if n := inside.Load(); n != 0 {
				t.Errorf("told with %d inside", n)
			}
		}
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for range 20 {
					if g.enter() {
						inside.Add(1)
						inside.Add(-1)
						g.leave()
					}
				}
			})
		}
		wg.Go(g.shut)
		bounded.Wait(t, wg.Wait)
		if told.Load() != 1 {
			t.Fatalf("told %d times", told.Load())
		}
	}
}
