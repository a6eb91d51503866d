package breaker_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sony/gobreaker"

	"github.com/muxkit/muxkit/breaker"
	"github.com/muxkit/muxkit/muxpool/verdict"
)

func TestHalfOpenTakesNoMoreThanItsProbes(t *testing.T) {
	bubble(t, []breaker.Option{breaker.WithProbes(2)}, func(f *fixture) {
		f.calls(nodeA, 5, errSick)
		time.Sleep(500 * time.Millisecond)
		peer := newGate()
		ep := f.Middleware(nodeA)(peer.endpoint)
		results := make(chan error)
		for range 3 {
			go func() { _, err := ep(context.Background(), nil); results <- err }()
		}
		if err := <-results; !errors.Is(err, gobreaker.ErrOpenState) {
			t.Errorf("the third got %v", err)
		}
		f.open(nodeA, breaker.ReasonConsecutiveFailures) // Check: no place left
		peer.answer <- nil
		<-results
		f.state(nodeA, breaker.HalfOpen) // one of two
		peer.answer <- nil
		<-results
		f.state(nodeA, breaker.Closed)
	})
}

// A probe that its caller abandons says nothing: its place is free again, at once,
// even if the endpoint is deaf to its context.
func TestNeutralProbeGivesItsPlaceBack(t *testing.T) {
	bubble(t, nil, func(f *fixture) {
		f.calls(nodeA, 5, errSick)
		time.Sleep(500 * time.Millisecond)
		peer := newGate()
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan struct{})
		go func() { defer close(done); f.Middleware(nodeA)(peer.deaf)(ctx, nil) }()
		<-peer.entered
		f.open(nodeA, breaker.ReasonConsecutiveFailures)
		cancel()
		synctest.Wait()
		if err := f.Check(nodeA); err != nil {
			t.Errorf("the place is still taken: %v", err)
		}
		f.call(nodeA, breakerRefusal{})
		if err := f.call(nodeA, nil); err != nil {
			t.Errorf("the next probe got %v", err)
		}
		f.state(nodeA, breaker.Closed)
		peer.answer <- errSick // far too late
		<-done
		f.state(nodeA, breaker.Closed)
	})
}

// A probe's deadline settles its place, as failed. It cuts no call.
func TestProbeHasADeadline(t *testing.T) {
	opts := []breaker.Option{breaker.WithProbeTimeout(2 * time.Second)}
	for name, answer := range map[string]error{"it fails in the end": errSick, "it succeeds in the end": nil} {
		t.Run(name, func(t *testing.T) {
			bubble(t, opts, func(f *fixture) {
				f.calls(nodeA, 5, errSick)
				time.Sleep(500 * time.Millisecond)
				peer := newGate()
				done := make(chan error)
				go func() { _, err := f.Middleware(nodeA)(peer.endpoint)(context.Background(), nil); done <- err }()
				time.Sleep(2*time.Second - time.Nanosecond)
				f.state(nodeA, breaker.HalfOpen)
				time.Sleep(time.Nanosecond)
				synctest.Wait()
				f.open(nodeA, breaker.ReasonProbeFailed)
				time.Sleep(time.Second)
				f.call(nodeA, nil)
				f.state(nodeA, breaker.Closed) // whatever the first probe still does
				peer.answer <- answer
				if err := <-done; err != answer {
					t.Errorf("the caller got %v, want what the node said: %v", err, answer)
				}
				f.state(nodeA, breaker.Closed)
			})
		})
	}
}

// A method that takes longer than a probe may comes back all the same: its late success
// counts, unless more than deadlines has spoken against the node since.
func TestAMethodLongerThanAProbeComesBack(t *testing.T) {
	for _, takes := range []time.Duration{4 * time.Second, 20 * time.Second} {
		bubble(t, nil, func(f *fixture) {
			f.calls(nodeA, 5, errSick)
			time.Sleep(500 * time.Millisecond)
			began := time.Now()
			for back := false; !back; { // callers come all the time
				go f.slowCall(nodeA, takes)
				time.Sleep(100 * time.Millisecond)
				st, _ := f.StatusOf(nodeA)
				if back = st.State == breaker.Closed; time.Since(began) > takes+time.Second {
					t.Fatalf("not back after %v, %s", time.Since(began), st.State)
				}
			}
			time.Sleep(takes) // for the last of them
		})
	}
	bubble(t, nil, func(f *fixture) {
		f.calls(nodeA, 5, errSick)
		time.Sleep(500 * time.Millisecond)
		go f.slowCall(nodeA, 4*time.Second)
		time.Sleep(3500 * time.Millisecond)
		f.expel(nodeA) // this is news
		time.Sleep(time.Second)
		if st, _ := f.StatusOf(nodeA); st.State == breaker.Closed || st.Totals.Late != 1 {
			t.Errorf("an event was undone by a call that began before: %s, %d late", st.State, st.Totals.Late)
		}
	})
}

// A method that usually takes longer than a probe may is no excuse for one that did
// not end.
func TestProbeOfASlowMethodHasADeadline(t *testing.T) {
	bubble(t, nil, func(f *fixture) {
		f.slowCall(nodeA, 5*time.Second)
		f.Trip(nodeA, nil)
		time.Sleep(500 * time.Millisecond)
		go f.patient(nodeA, 2*time.Hour, time.Hour)
		time.Sleep(3*time.Second + time.Millisecond)
		f.open(nodeA, breaker.ReasonProbeFailed)
		time.Sleep(time.Hour) // for the caller
	})
}

func TestLateProbeIsIgnored(t *testing.T) {
	bubble(t, nil, func(f *fixture) {
		f.expel(nodeA)
		time.Sleep(500 * time.Millisecond)
		peer := newGate()
		done := make(chan struct{})
		go func() { defer close(done); f.Middleware(nodeA)(peer.endpoint)(context.Background(), nil) }()
		<-peer.entered
		f.expel(nodeA) // meanwhile
		peer.answer <- nil
		<-done
		f.open(nodeA, breaker.ReasonNodeExpelled)
		if st, _ := f.StatusOf(nodeA); st.Totals.Late != 1 {
			t.Errorf("late results: %d, want 1", st.Totals.Late)
		}
	})
}

type breakerRefusal struct{}

func (breakerRefusal) Error() string { return "refused at home" }
func (breakerRefusal) Verdict() verdict.Verdict {
	return verdict.Verdict{Code: verdict.CodeUnavailable, Ran: verdict.NotSent}
}
