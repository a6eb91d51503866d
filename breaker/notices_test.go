package breaker_test

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sony/gobreaker"

	"github.com/muxkit/muxkit/breaker"
	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
)

// Listeners run outside of every lock: this one uses all of the group, on the
// node that it is told of.
func TestListenersMayCallTheGroup(t *testing.T) {
	done := make(chan breaker.Change, 2)
	var g *breaker.Group
	ready := make(chan struct{})
	g = breaker.NewGroup(breaker.WithListener(func(c breaker.Change) {
		<-ready
		g.Check(c.Node)
		g.StatusOf(c.Node)
		g.Hold(c.Node)()
		if c.To == breaker.Open {
			g.Reset(c.Node)
		}
		if err := g.Update(breaker.WithProbes(2)); err != nil {
			t.Error(err)
		}
		done <- c
	}))
	close(ready)
	defer g.Close()
	g.Trip(nodeA, errSick)
	c := bounded.Receive(t, done)
	if c.Node != nodeA || c.From != breaker.Closed || c.To != breaker.Open || c.Reason != breaker.ReasonTripped ||
		c.Cause != errSick || c.RetryAfter <= 0 || c.Time.IsZero() || c.Observed {
		t.Errorf("told %+v", c)
	}
	if c := bounded.Receive(t, done); c.To != breaker.Closed || c.Reason != breaker.ReasonReset {
		t.Errorf("told %+v", c)
	}
}

// For each node, what was told is a path: every From is the To before.
func TestNoticesAreInOrderPerNode(t *testing.T) {
	last := map[muxpool.Node]breaker.State{}
	told := 0
	g := breaker.NewGroup(breaker.WithListener(func(c breaker.Change) { // one at a time: no lock
		if last[c.Node] != c.From {
			t.Errorf("%s: from %s after to %s", c.Node, c.From, last[c.Node])
		}
		last[c.Node] = c.To
		told++
	}))
	var wg sync.WaitGroup
	for i := range 4 {
		for range 2 {
			wg.Go(func() {
				for range 100 {
					g.Trip(nodeN(i), nil)
					g.Reset(nodeN(i))
				}
			})
		}
	}
	bounded.Wait(t, wg.Wait)
	end := make(chan struct{})
	g.Subscribe(func(c breaker.Change) {
		if c.Node == nodeN(9) {
			close(end)
		}
	})
	g.Trip(nodeN(9), nil)
	bounded.Receive(t, end)
	g.Close()
	if told < 800 || g.Missed() != 0 {
		t.Errorf("told %d, missed %d", told, g.Missed())
	}
}

func TestBlockedListenerIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := breaker.NewGroup()
		defer g.Close()
		free, told := make(chan struct{}), 0
		cancel := g.Subscribe(func(breaker.Change) { <-free; told++ })
		for range 3000 {
			g.Trip(nodeA, nil)
			synctest.Wait() // the first is under way
			g.Reset(nodeA)
		}
		if g.Missed() != 6000-1-4096 {
			t.Errorf("missed %d", g.Missed())
		}
		close(free)
		synctest.Wait()
		if told+g.Missed() != 6000 {
			t.Errorf("told %d, missed %d", told, g.Missed())
		}
		cancel()
		cancel()
		g.Trip(nodeA, nil)
		synctest.Wait()
		if told+g.Missed() != 6000 {
			t.Error("a cancelled listener was told")
		}
	})
}

// The user's OnStateChange needs no listener beside it.
func TestOnStateChangeAlone(t *testing.T) {
	told := make(chan string, 1)
	g := breaker.NewGroup(breaker.WithGobreaker(gobreaker.Settings{
		OnStateChange: func(name string, from, to gobreaker.State) { told <- fmt.Sprint(name, " ", from, " ", to) },
	}))
	defer g.Close()
	g.Trip(nodeA, nil)
	if got := bounded.Receive(t, told); got != nodeA.String()+" closed open" {
		t.Errorf("told %q", got)
	}
}

func TestNilListener(t *testing.T) {
	g := breaker.NewGroup()
	defer g.Close()
	g.Subscribe(nil)()
	if g.Err() == nil {
		t.Error("Subscribe(nil) is no error")
	}
	if fmt.Sprint(breaker.State(9), breaker.Reason(99)) != "unknown(9) unknown(99)" {
		t.Error("unknown words")
	}
}

// Who does not want to hear any more is not told what waited for him, also when others did not
// wait for him.
func TestACancelledListenerIsToldNoMore(t *testing.T) {
	for _, passed := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			g := breaker.NewGroup()
			defer g.Close()
			release, told := make(chan struct{}), 0
			cancel := g.Subscribe(func(breaker.Change) { told++; <-release })
			for range 3 {
				g.Trip(nodeA, nil)
				g.Reset(nodeA)
			}
			if synctest.Wait(); passed {
				time.Sleep(time.Second)
			}
			cancel()
			close(release)
			synctest.Wait()
			if told != 1 {
				t.Errorf("passed %v: it was told %d changes, want the one that it was being told", passed, told)
			}
		})
	}
}

// New settings leave the listeners that there are as they are.
func TestListenersAreAddedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told [3]int
		listener := func(i int) breaker.Option { return breaker.WithListener(func(breaker.Change) { told[i]++ }) }
		g := breaker.NewGroup(listener(0), listener(1))
		defer g.Close()
		for _, opt := range []breaker.Option{breaker.WithProbes(2), listener(2), breaker.WithProbes(1)} {
			if err := g.Update(opt); err != nil {
				t.Fatal(err)
			}
		}
		g.Trip(nodeA, nil)
		if synctest.Wait(); told != [3]int{1, 1, 1} {
			t.Errorf("of one change the listeners were told %v times", told)
		}
	})
}

// Nor is an OnStateChange told what waits when its group is closed.
func TestNoOnStateChangeAfterClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release, told := make(chan struct{}), 0
		g := breaker.NewGroup(breaker.WithGobreaker(gobreaker.Settings{
			OnStateChange: func(string, gobreaker.State, gobreaker.State) { told++; <-release },
		}))
		g.Trip(nodeA, nil)
		synctest.Wait()
		g.Reset(nodeA)
		g.Close()
		close(release)
		if synctest.Wait(); told != 1 {
			t.Errorf("%d changes are told, want the one that was being told", told)
		}
	})
}

// What waits to be told when a group is closed is told no more.
func TestNothingIsToldAfterClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := breaker.NewGroup()
		entered, release, told := make(chan struct{}, 9), make(chan struct{}), 0
		defer g.Subscribe(func(breaker.Change) {
			told++
			entered <- struct{}{}
			<-release
		})()
		g.Hold(nodeA)
		g.Trip(nodeA, nil)
		bounded.Receive(t, entered)
		g.Reset(nodeA)
		g.Close()
		close(release)
		synctest.Wait()
		if told != 1 {
			t.Errorf("%d changes are told, want the one that was being told", told)
		}
	})
}
