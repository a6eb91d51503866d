package breaker

import (
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muxkit/muxkit/muxpool"
)

// All that is queued is told, in order, and what comes while it is told; then the teller ends.
func TestTellersTellInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewGroup()
		defer g.Close()
		q := &g.notices
		var told []string
		tells := func(key int, what string) {
			q.aside(key, "test", func() {
				if told = append(told, what); what == "one" {
					q.aside(2, "test", func() { told = append(told, "three") })
				}
			})
		}
		q.aside(0, "test", func() { // who tells is busy until both are there
			tells(1, "one")
			tells(2, "two")
		})
		synctest.Wait()
		if want := []string{"one", "two", "three"}; !slices.Equal(told, want) || q.teller != nil || len(q.others) != 0 {
			t.Errorf("told %v, want %v; teller %v, %d ears", told, want, q.teller, len(q.others))
		}
	})
}

// heard are the changes that a listener was told of, as "n open" and "n closed".
type heard struct {
	mu  sync.Mutex
	all []string
}

// hears has a listener of g's note what it is told.
func (h *heard) hears(g *Group, also func(Change)) {
	g.Subscribe(func(c Change) {
		h.mu.Lock()
		h.all = append(h.all, fmt.Sprint(c.Node.Address, " ", c.To))
		h.mu.Unlock()
		also(c)
	})
}

func (h *heard) told() []string {
	synctest.Wait()
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.all)
}

// newSlowGroup is a group whose ejections last.
func newSlowGroup() *Group { return NewGroup(WithEjectionTime(time.Hour, time.Hour)) }

// changesOf has n nodes go out, and returns what that is to those who hear all of it.
func changesOf(g *Group, n int) (all []string) {
	for i := range n {
		id := muxpool.Node{Network: "tcp", Address: fmt.Sprint(i)}
		g.Trip(id, nil)
		all = append(all, fmt.Sprint(i, " ", Open))
	}
	return all
}

// A listener that panics, or ends its goroutine, hears all that comes after, and the others hear
// all of it, also what waited with what it ended for.
func TestAListenerThatEndsDeafensNobody(t *testing.T) {
	for name, end := range map[string]func(){"panics": func() { panic("boom") }, "ends its goroutine": runtime.Goexit} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newSlowGroup()
				defer g.Close()
				var before, bad, after heard
				before.hears(g, func(Change) {})
				bad.hears(g, func(Change) { end() })
				after.hears(g, func(Change) {})
				all := changesOf(g, 20)
				for who, h := range map[string]*heard{"before it": &before, "by it": &bad, "after it": &after} {
					if told := h.told(); !slices.Equal(told, all) {
						t.Errorf("of %d changes were heard %s: %v", len(all), who, told)
					}
				}
			})
		})
	}
}

// A listener that blocks is passed: the others hear all, and so does it, in order, when it
// goes on; then it hears in its turn again.
func TestABlockedListenerDeafensNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newSlowGroup()
		defer g.Close()
		var blocked, free heard
		release := make(chan struct{})
		blocked.hears(g, func(Change) { <-release })
		free.hears(g, func(Change) {})
		all := changesOf(g, 20)
		time.Sleep(patience - time.Nanosecond)
		if told := free.told(); len(told) != 0 {
			t.Errorf("passed early: the other has heard %v", told)
		}
		time.Sleep(time.Nanosecond)
		if told := free.told(); len(blocked.told()) != 1 || !slices.Equal(told, all) {
			t.Errorf("the other has heard %v of %v", told, all)
		}
		close(release)
		if told := blocked.told(); !slices.Equal(told, all) || g.Missed() != 0 {
			t.Errorf("it has heard %v, and missed %d", told, g.Missed())
		}
		for _, e := range g.notices.listeners {
			if e.passed || len(e.queue) > 0 {
				t.Error("it is passed for ever")
			}
		}
		g.Reset(muxpool.Node{Network: "tcp", Address: "1"})
		if len(blocked.told()) != 21 || len(free.told()) != 21 {
			t.Errorf("later they hear %v and %v", blocked.told(), free.told())
		}
	})
}

// Each call of a listener has the whole time, whatever the one before it took.
func TestEachCallOfAListenerHasItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newSlowGroup()
		defer g.Close()
		const first = 30 * time.Millisecond
		var slow, free heard
		release := make(chan struct{})
		begin := time.Now()
		slow.hears(g, func(Change) {
			if time.Since(begin) == 0 {
				time.Sleep(first)
				return
			}
			<-release
		})
		free.hears(g, func(Change) {})
		changesOf(g, 3)
		time.Sleep(first + patience - time.Nanosecond)
		if told := free.told(); len(told) != 1 {
			t.Errorf("before its time is over the other has heard %v", told)
		}
		time.Sleep(time.Nanosecond)
		if told := free.told(); len(told) != 3 {
			t.Errorf("when its time is over the other has heard %v", told)
		}
		close(release)
		synctest.Wait()
	})
}

// A function that is no listener's is known as long as there is something for it to hear, also when
// it was passed.
func TestWhoHasHeardAllIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewGroup()
		defer g.Close()
		release := make(chan struct{})
		g.notices.aside("key", "test", func() { <-release })
		time.Sleep(2 * patience)
		synctest.Wait()
		if e := g.notices.others["key"]; e == nil || !e.passed {
			t.Errorf("while it hears it is known as %+v", e)
		}
		close(release)
		if synctest.Wait(); len(g.notices.others) != 0 {
			t.Errorf("%d are known", len(g.notices.others))
		}
	})
}

// One that was passed and ends its goroutine then hears the rest.
func TestAPassedListenerMayEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newSlowGroup()
		defer g.Close()
		var slow heard
		slow.hears(g, func(Change) { time.Sleep(2 * patience); runtime.Goexit() })
		all := changesOf(g, 5)
		time.Sleep(20 * patience)
		if told := slow.told(); !slices.Equal(told, all) {
			t.Errorf("it has heard %v of %v", told, all)
		}
	})
}

// Nobody is passed for time in which the process did not run, however long: that is one look.
func TestAPauseOfTheProcessPassesNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewGroup()
		defer g.Close()
		release := make(chan struct{})
		var h heard
		h.hears(g, func(Change) { <-release })
		changesOf(g, 2)
		synctest.Wait()
		for range patienceLooks - 1 {
			g.notices.late(g.notices.teller)
		}
		if g.notices.listeners[0].passed {
			t.Error("passed too soon")
		}
		close(release)
		if told := h.told(); len(told) != 2 {
			t.Errorf("told %v", told)
		}
	})
}
