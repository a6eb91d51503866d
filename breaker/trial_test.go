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
		f.open(nodeA, breaker.ReasonConsecutiveFailures) // Check: no slot left
		peer.answer <- nil
		<-results
		f.state(nodeA, breaker.HalfOpen) // one of two
		peer.answer <- nil
		<-results
		f.state(nodeA, breaker.Closed)
	})
}

// A probe that its caller abandons says nothing: its slot is free again, at once,
// even if the endpoint is deaf to its context.
func TestNeutralProbeGivesItsSlotBack(t *testing.T) {
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
			t.Errorf("the slot is still taken: %v", err)
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

func TestProbeHasADeadline(t *testing.T) {
	opts := []breaker.Option{breaker.WithProbeTimeout(2 * time.Second)}
	for name, deaf := range map[string]bool{"heeds its context": false, "deaf": true} {
		t.Run(name, func(t *testing.T) {
			bubble(t, opts, func(f *fixture) {
				f.calls(nodeA, 5, errSick)
				time.Sleep(500 * time.Millisecond)
				peer := newGate()
				ep := peer.endpoint
				if deaf {
					ep = peer.deaf
				}
				done := make(chan struct{})
				go func() { defer close(done); f.Middleware(nodeA)(ep)(context.Background(), nil) }()
				time.Sleep(2*time.Second - time.Nanosecond)
				f.state(nodeA, breaker.HalfOpen)
				time.Sleep(time.Nanosecond)
				synctest.Wait()
				f.open(nodeA, breaker.ReasonProbeFailed)
				time.Sleep(time.Second)
				f.call(nodeA, nil)
				f.state(nodeA, breaker.Closed) // whatever the first probe still does
				if deaf {
					peer.answer <- nil
				}
				<-done
			})
		})
	}
}

// A method that usually takes longer than a probe may is no excuse for one that did
// not end.
func TestProbeOfASlowMethodHasADeadline(t *testing.T) {
	bubble(t, nil, func(f *fixture) {
		f.slowCall(nodeA, 5*time.Second)
		f.Trip(nodeA, nil)
		time.Sleep(500 * time.Millisecond)
		f.patient(nodeA, time.Hour, time.Hour)
		f.open(nodeA, breaker.ReasonProbeFailed)
	})
}

func TestLateProbeIsIgnored(t *testing.T) {
	bubble(t, nil, func(f *fixture) {
		f.expel(nodeA)
		f.ready(nodeA)
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
