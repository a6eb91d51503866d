package endpoint

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/muxkit/muxkit/internal/bounded"
)

func TestVisitorsTellOnceWhenTheLastHasLeft(t *testing.T) {
	told := 0
	v := visitors{empty: func() { told++ }}
	if first := v.enter(); !first || !v.enter() {
		t.Fatal("callers are kept out before the end")
	}
	v.shut()
	if v.enter() {
		t.Fatal("callers are let in after it")
	}
	v.leave()
	equal(t, "told with one inside", told, 0)
	equal(t, "inside", v.inside(), 1)
	v.leave()
	equal(t, "told after the last left", told, 1)
	v.shut()
	v.enter()
	equal(t, "told in all", told, 1)
}

func TestShutWithNobodyInside(t *testing.T) {
	told := 0
	v := visitors{empty: func() { told++ }}
	v.shut()
	equal(t, "told", told, 1)
}

func TestVisitorsUnderRaces(t *testing.T) {
	for range 200 {
		var told, inside atomic.Int64
		v := visitors{}
		v.empty = func() {
			told.Add(1)
			if n := inside.Load(); n != 0 {
				t.Errorf("told with %d inside", n)
			}
		}
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for range 20 {
					if v.enter() {
						inside.Add(1)
						inside.Add(-1)
						v.leave()
					}
				}
			})
		}
		wg.Go(v.shut)
		bounded.Wait(t, wg.Wait)
		if told.Load() != 1 {
			t.Fatalf("told %d times", told.Load())
		}
	}
}
