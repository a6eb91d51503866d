package muxpool

import (
	"slices"
	"testing"
	"testing/synctest"
)

// attempts collects the Attempts of events, which number them here.
type attempts struct{ got []int }

func (a *attempts) hear(ev Event) { a.got = append(a.got, ev.Attempt) }

func TestEventsInOrderToEach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var (
			e    events
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
			e                 events
			slow, early, late attempts
		)
		release := make(chan struct{})
		e.subscribe(func(ev Event) {
			<-release
			slow.hear(ev)
		})
		cancel := e.subscribe(early.hear)
		e.post(Event{Attempt: 1})
		synctest.Wait() // the delivery of 1 is stuck
		e.post(Event{Attempt: 2})
		e.subscribe(late.hear)
		cancel()
		cancel()
		e.post(Event{Attempt: 3})
		close(release)
		synctest.Wait()
		if want := []int{1, 2, 3}; !slices.Equal(slow.got, want) {
			t.Errorf("the slow one heard %v", slow.got)
		}
		if len(early.got) != 0 {
			t.Errorf("who cancelled heard %v", early.got)
		}
		if want := []int{3}; !slices.Equal(late.got, want) {
			t.Errorf("who came before 3 heard %v", late.got)
		}
		if e.delivering || len(e.queue) != 0 {
			t.Error("the delivery has not ended")
		}
	})
}

// TestSubscribersMayCallTheEvents: no lock is held during a call.
func TestSubscribersMayCallTheEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var (
			e      events
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
