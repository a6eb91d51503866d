package breaker_test

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muxkit/muxkit/breaker"
	"github.com/muxkit/muxkit/muxpool"
)

func TestPoolEventsOpen(t *testing.T) {
	for _, c := range []struct {
		kind   muxpool.EventKind
		reason muxpool.Reason
		want   breaker.Reason
	}{
		{muxpool.NodeExpelled, muxpool.ReasonDialFailed, breaker.ReasonNodeExpelled},
		{muxpool.NodeExpelled, muxpool.ReasonStalled, breaker.ReasonNodeExpelled},
		{muxpool.NodeExpelled, muxpool.ReasonHandshakeFailed, breaker.ReasonNodeExpelled},
		{muxpool.ReconnectLimit, muxpool.ReasonReconnectLimit, breaker.ReasonReconnectLimit},
	} {
		bubble(t, nil, func(f *fixture) {
			f.emit(nodeA, c.kind, c.reason, errSick) // before anybody asked for the node
			if e := f.open(nodeA, c.want); !errors.Is(e, errSick) || e.RetryAfter <= 0 {
				t.Errorf("%s: got %v", c.kind, e)
			}
			var open *breaker.OpenError
			if err := f.call(nodeA, nil); !errors.As(err, &open) {
				t.Errorf("%s: the call got %v", c.kind, err)
			}
		})
	}
}

func TestEventsThatAreNoFailureNeverOpen(t *testing.T) {
	always := breaker.WithEventPolicy(func(muxpool.Event, int) bool { return true })
	bubble(t, []breaker.Option{always}, func(f *fixture) {
		f.call(nodeA, nil)
		for kind := muxpool.ConnUp; kind <= muxpool.NodeReady; kind++ {
			for reason := muxpool.ReasonNone; reason <= muxpool.ReasonRetired; reason++ {
				if !reason.Failure() {
					f.emit(nodeA, kind, reason, errSick)
				}
			}
		}
		for _, kind := range []muxpool.EventKind{muxpool.ConnUp, muxpool.NodeReady} {
			f.emit(nodeA, kind, muxpool.ReasonStalled, errSick)
		}
		f.state(nodeA, breaker.Closed)
	})
}

// A connection that ends in silence or garbage ejects the node only if no other
// is believed to work.
func TestLostConnectionWithSiblings(t *testing.T) {
	up := func(f *fixture) { f.emit(nodeA, muxpool.ConnUp, muxpool.ReasonNone, nil) }
	down := func(f *fixture, r muxpool.Reason) { f.emit(nodeA, muxpool.ConnDown, r, errSick) }
	for _, c := range []struct {
		name  string
		story func(f *fixture)
		open  bool
	}{
		{"one of two stalls", func(f *fixture) { up(f); up(f); down(f, muxpool.ReasonStalled) }, false},
		{"both stall", func(f *fixture) { up(f); up(f); down(f, muxpool.ReasonStalled); down(f, muxpool.ReasonStalled) }, true},
		{"the only one sends garbage", func(f *fixture) { up(f); down(f, muxpool.ReasonProtocolError) }, true},
		{"the only one gives no sign of life", func(f *fixture) { up(f); down(f, muxpool.ReasonKeepAliveTimeout) }, true},
		{"the only one is lost: the pool redials", func(f *fixture) { up(f); down(f, muxpool.ReasonConnLost) }, false},
		{"the only one closes idle", func(f *fixture) { up(f); down(f, muxpool.ReasonPeerClosed) }, false},
		{"the only one brings a frame too large", func(f *fixture) { up(f); down(f, muxpool.ReasonFrameTooLarge) }, false},
		{"dial failed: the pool will say if that was the last", func(f *fixture) {
			f.emit(nodeA, muxpool.DialFailed, muxpool.ReasonDialFailed, errSick)
		}, false},
		{"a stopped peer still accepts: connecting proves nothing", func(f *fixture) {
			up(f)
			up(f)
			down(f, muxpool.ReasonStalled)
			up(f)
			down(f, muxpool.ReasonStalled)
		}, true},
		{"a call's success vouches for what is up", func(f *fixture) {
			up(f)
			up(f)
			down(f, muxpool.ReasonStalled)
			up(f)
			f.call(nodeA, nil)
			down(f, muxpool.ReasonStalled)
		}, false},
		{"and for what comes up after it", func(f *fixture) {
			up(f)
			up(f)
			down(f, muxpool.ReasonStalled)
			f.call(nodeA, nil)
			up(f)
			down(f, muxpool.ReasonStalled)
		}, false},
		{"so does NodeReady", func(f *fixture) {
			up(f)
			up(f)
			down(f, muxpool.ReasonStalled)
			up(f)
			f.ready(nodeA)
			down(f, muxpool.ReasonStalled)
		}, false},
		{"watched too late to know", func(f *fixture) { down(f, muxpool.ReasonStalled) }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, nil, func(f *fixture) {
				f.call(nodeA, nil)
				c.story(f)
				if got := f.Check(nodeA) != nil; got != c.open {
					t.Errorf("open: %v, want %v", got, c.open)
				}
			})
		})
	}
}

func TestEventPolicy(t *testing.T) {
	var asked []int
	opts := []breaker.Option{breaker.WithEventPolicy(func(ev muxpool.Event, healthy int) bool {
		asked = append(asked, healthy)
		return ev.Kind == muxpool.DialFailed
	})}
	bubble(t, opts, func(f *fixture) {
		f.emit(nodeA, muxpool.ConnDown, muxpool.ReasonStalled, errSick)
		f.emit(nodeA, muxpool.ConnUp, muxpool.ReasonNone, nil)
		f.emit(nodeA, muxpool.ConnDown, muxpool.ReasonStalled, errSick)
		f.state(nodeA, breaker.Closed)
		f.emit(nodeA, muxpool.DialFailed, muxpool.ReasonDialFailed, nil)
		if e := f.open(nodeA, breaker.ReasonDialFailed); e.Cause == nil {
			t.Error("an event without an error left no cause")
		}
		if !slices.Equal(asked, []int{-1, 0, 0}) {
			t.Errorf("the policy was asked with %v healthy", asked)
		}
	})
}

func TestPoolReadyEndsEjectionEarly(t *testing.T) {
	bubble(t, nil, func(f *fixture) {
		f.expel(nodeA)
		f.ready(nodeA)
		f.state(nodeA, breaker.Closed)
		want := []string{"closed -> open: node expelled", "open -> closed: pool ready"}
		if got := f.told(); !slices.Equal(got, want) {
			t.Errorf("told %q", got)
		}
	})
}

// The two sources are kept apart: that the pool reconnects says nothing about
// calls that failed, nor about an operator's Trip.
func TestPoolReadyLeavesOtherSourcesAlone(t *testing.T) {
	bubble(t, []breaker.Option{breaker.WithMaxEjection(1)}, func(f *fixture) {
		f.calls(nodeA, 5, errSick)
		f.Trip(nodeB, errSick)
		for _, n := range []muxpool.Node{nodeA, nodeB} {
			f.expel(n)
			f.ready(n)
			f.state(n, breaker.Open)
		}
		time.Sleep(500 * time.Millisecond)
		f.call(nodeA, nil)
		f.state(nodeA, breaker.Closed)
	})
}

// One incident tells itself in several events: they make one ejection.
func TestEventsOfOneIncidentMakeOneEjection(t *testing.T) {
	bubble(t, nil, func(f *fixture) {
		f.emit(nodeA, muxpool.ReconnectLimit, muxpool.ReasonReconnectLimit, errSick)
		time.Sleep(100 * time.Millisecond)
		f.expel(nodeA)
		e := f.open(nodeA, breaker.ReasonNodeExpelled)
		if st, _ := f.StatusOf(nodeA); st.Ejections != 1 || st.Level != 1 || e.RetryAfter.Round(time.Millisecond) != 400*time.Millisecond {
			t.Errorf("%d ejections, level %d, retry after %v", st.Ejections, st.Level, e.RetryAfter)
		}
	})
}

func TestEventInHalfOpenOpensAgain(t *testing.T) {
	bubble(t, nil, func(f *fixture) {
		f.calls(nodeA, 5, errSick)
		time.Sleep(500 * time.Millisecond)
		f.call(nodeA, breakerRefusal{}) // half-open
		f.state(nodeA, breaker.HalfOpen)
		f.expel(nodeA)
		if e := f.open(nodeA, breaker.ReasonNodeExpelled); e.RetryAfter.Round(time.Millisecond) != time.Second {
			t.Errorf("retry after %v, want twice the first time", e.RetryAfter)
		}
	})
}

func TestWatchStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := breaker.NewGroup()
		defer g.Close()
		var one, two source
		stop := g.Watch(&one)
		defer g.Watch(&two)()
		stop()
		ev := muxpool.Event{Kind: muxpool.NodeExpelled, Node: nodeA, Reason: muxpool.ReasonDialFailed}
		one.emit(ev)
		if g.Check(nodeA) != nil {
			t.Error("a stopped Watch went on")
		}
		two.emit(ev)
		if g.Check(nodeA) == nil {
			t.Error("the second pool is not heard")
		}
		g.Watch(nil)()
		if !errors.Is(g.Err(), breaker.ErrInvalidOption) {
			t.Errorf("Watch(nil): %v", g.Err())
		}
	})
}
