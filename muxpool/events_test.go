package muxpool

import (
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
)

// start runs what a pool runs and waits for at its end.
func start(f func()) { go f() }

// attempts collects the Attempts of events, which number them here.
type attempts struct{ got []int }

func (a *attempts) hear(ev Event) { a.got = append(a.got, ev.Attempt) }

func TestEventsInOrderToEach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var (
			e    = events{run: start}
			a, b attempts
			want []int
		)
		e.post(Event{Attempt: -1}) // nobody listens
		e.subscribe(a.hear)
		e.subscribe(b.hear)
		for i := range 1000 {
			want = append(want, i)
			e.post(Event{Attempt: i})
		}
		synctest.Wait()
		if !slices.Equal(a.got, want) || !slices.Equal(b.got, want) {
			t.Errorf("heard %d and %d events of 1000, or not in order", len(a.got), len(b.got))
		}
	})
}

// TestSlowSubscriber: post does not wait for who listens, and nobody hears of what
// happened before he subscribed or after he cancelled.
func TestSlowSubscriber(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var (
			e                 = events{run: start}
			slow, early, late attempts
		)
		release := make(chan struct{})
		e.subscribe(func(ev Event) {
			<-release
			slow.hear(ev)
		})
		cancel := e.subscribe(early.hear)
		e.post(Event{Attempt: 1})
		synctest.Wait() // the slow one is stuck at 1
		cancel()
		cancel()
		e.post(Event{Attempt: 2})
		e.subscribe(late.hear)
		e.post(Event{Attempt: 3})
		close(release)
		synctest.Wait()
		if want := []int{1, 2, 3}; !slices.Equal(slow.got, want) {
			t.Errorf("the slow one heard %v", slow.got)
		}
		if want := []int{1}; !slices.Equal(early.got, want) {
			t.Errorf("who cancelled before 2 heard %v", early.got)
		}
		if want := []int{3}; !slices.Equal(late.got, want) {
			t.Errorf("who came before 3 heard %v", late.got)
		}
		for _, l := range e.listeners {
			if l.delivering || len(l.queue) != 0 {
				t.Error("the delivery has not ended")
			}
		}
	})
}

// TestBlockedSubscriber: one that blocks for ever makes nobody else deaf, and costs a
// bounded number of events, of which it hears the newest, and how many it has missed.
func TestBlockedSubscriber(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const posted = 3 * eventsMax
		var (
			e       = events{run: start}
			free    attempts
			blocked []Event
		)
		release := make(chan struct{})
		e.subscribe(func(ev Event) {
			<-release
			blocked = append(blocked, ev)
		})
		e.subscribe(free.hear)
		for i := range posted {
			e.post(Event{Attempt: i})
			synctest.Wait()
		}
		if len(free.got) != posted {
			t.Errorf("the other heard %d events of %d", len(free.got), posted)
		}
		if n := len(e.listeners[0].queue); n != eventsMax {
			t.Errorf("%d events wait, want %d", n, eventsMax)
		}
		close(release)
		synctest.Wait()
		const lost = posted - 1 - eventsMax // it was at work on the first
		if len(blocked) != 1+eventsMax || blocked[0].Lost != 0 || blocked[1].Lost != lost || blocked[2].Lost != 0 {
			t.Errorf("heard %d events, %d lost before the second, want %d and %d", len(blocked), blocked[1].Lost, 1+eventsMax, lost)
		}
		if blocked[1].Attempt != 1+lost || blocked[eventsMax].Attempt != posted-1 {
			t.Errorf("heard %d to %d, want the newest", blocked[1].Attempt, blocked[eventsMax].Attempt)
		}
		if n := e.missed(); n != lost {
			t.Errorf("%d events are counted as lost, want %d", n, lost)
		}
	})
}

// TestSubscriberPanics: it hears the next event all the same, and how many it has missed.
func TestSubscriberPanics(t *testing.T) {
	for name, end := range map[string]func(){
		"panic":  func() { panic("planted") },
		"nil":    func() { panic(any(nil)) },
		"goexit": runtime.Goexit,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var (
					e    = events{run: start}
					got  []int
					lost int
					free attempts
				)
				e.subscribe(func(ev Event) {
					if ev.Attempt%3 != 2 {
						end()
					}
					got = append(got, ev.Attempt)
					lost += ev.Lost
				})
				e.subscribe(free.hear)
				for i := range 6 {
					e.post(Event{Attempt: i})
				}
				synctest.Wait()
				if want := []int{2, 5}; !slices.Equal(got, want) || lost != 4 || e.missed() != 4 {
					t.Errorf("heard %v and of %d lost, %d are counted", got, lost, e.missed())
				}
				if len(free.got) != 6 {
					t.Errorf("the other heard %v", free.got)
				}
			})
		})
	}
}

// TestSubscribersMayCallTheEvents: no lock is held during a call.
func TestSubscribersMayCallTheEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var (
			e      = events{run: start}
			got    attempts
			cancel func()
		)
		cancel = e.subscribe(func(ev Event) {
			got.hear(ev)
			if ev.Attempt == 1 {
				e.post(Event{Attempt: 2})
				return
			}
			cancel()
			e.post(Event{Attempt: 3})
		})
		e.post(Event{Attempt: 1})
		synctest.Wait()
		if want := []int{1, 2}; !slices.Equal(got.got, want) {
			t.Errorf("heard %v, want %v", got.got, want)
		}
	})
}

// TestNothingIsHeardAfterCancel, of what had been queued before it either.
func TestNothingIsHeardAfterCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var (
			e   = events{run: start}
			got attempts
		)
		release := make(chan struct{})
		cancel := e.subscribe(func(ev Event) {
			<-release
			got.hear(ev)
		})
		for i := range 3 {
			e.post(Event{Attempt: i})
		}
		synctest.Wait() // it is at work on the first
		cancel()
		close(release)
		synctest.Wait()
		if want := []int{0}; !slices.Equal(got.got, want) {
			t.Errorf("heard %v, want %v", got.got, want)
		}
	})
}

// Who has gone is forgotten: a service that subscribes again and again keeps nothing of it.
func TestSubscribersAreForgotten(t *testing.T) {
	e := events{run: start}
	stays := e.subscribe(func(Event) {})
	e.subscribe(func(Event) {})()
	if len(e.listeners) != 1 {
		t.Errorf("%d subscribers are known, of which one has gone", len(e.listeners))
	}
	stays()
	stays()
	if len(e.listeners) != 0 {
		t.Errorf("%d subscribers are known, and all have gone", len(e.listeners))
	}
}
