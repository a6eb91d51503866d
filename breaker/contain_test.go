package breaker_test

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sony/gobreaker"

	"github.com/muxkit/muxkit/breaker"
	"github.com/muxkit/muxkit/muxpool"
)

// panicked fails the test unless the group tells of one panic, in that function.
func (f *fixture) panicked(what string) {
	f.t.Helper()
	synctest.Wait()
	var p *breaker.PanicError
	if err := f.Panics(); !errors.As(err, &p) || p.Func != what || p.Value != "boom" || len(p.Stack) == 0 ||
		err.Error() != "breaker: panic in a "+what+": boom" {
		f.t.Errorf("Panics: %v", err)
	}
	if err := errors.Join(f.call(nodeC, nil), f.Err()); err != nil {
		f.t.Errorf("the group is no good for it: %v", err)
	}
}

func boom() { panic("boom") }

// What is judged when the judge panics: what the default says.
func TestPanickingClassifierIsContained(t *testing.T) {
	opt := breaker.WithClassifier(func(context.Context, any, error) breaker.Outcome { boom(); return breaker.Success })
	bubble(t, []breaker.Option{opt}, func(f *fixture) {
		f.call(nodeA, nil)
		f.calls(nodeA, 5, errSick)
		f.open(nodeA, breaker.ReasonConsecutiveFailures)
		time.Sleep(500 * time.Millisecond)
		f.call(nodeA, nil) // no place is lost
		f.state(nodeA, breaker.Closed)
		f.panicked("Classifier")
	})
}

// A Classifier that ends the goroutine takes no place along either.
func TestClassifierThatEndsItsGoroutineDoesNotWedge(t *testing.T) {
	end := false
	opt := breaker.WithClassifier(func(ctx context.Context, response any, err error) breaker.Outcome {
		if end {
			runtime.Goexit()
		}
		return breaker.DefaultClassifier(ctx, response, err)
	})
	bubble(t, []breaker.Option{opt}, func(f *fixture) {
		f.Trip(nodeA, nil)
		time.Sleep(500 * time.Millisecond)
		end = true
		go f.call(nodeA, nil)
		synctest.Wait()
		end = false
		f.call(nodeA, nil)
		f.state(nodeA, breaker.Closed)
	})
}

func TestPanickingReadyToTripIsContained(t *testing.T) {
	opt := breaker.WithGobreaker(gobreaker.Settings{ReadyToTrip: func(gobreaker.Counts) bool { boom(); return false }})
	bubble(t, []breaker.Option{opt}, func(f *fixture) {
		f.calls(nodeA, 5, errSick)
		f.state(nodeA, breaker.Closed)
		f.call(nodeA, errSick) // more than five in a row: gobreaker's default
		f.open(nodeA, breaker.ReasonReadyToTrip)
		f.panicked("ReadyToTrip")
	})
}

func TestPanickingIsSuccessfulIsContained(t *testing.T) {
	opt := breaker.WithGobreaker(gobreaker.Settings{IsSuccessful: func(error) bool { boom(); return true }})
	bubble(t, []breaker.Option{opt}, func(f *fixture) {
		f.call(nodeA, nil)
		f.call(nodeA, errSick)
		if st, _ := f.StatusOf(nodeA); st.Totals.Successes != 1 || st.Totals.Failures != 1 {
			t.Errorf("%+v", st.Totals)
		}
		f.panicked("IsSuccessful")
	})
}

// The other listeners hear of all that one panics at, or ends its goroutine for.
func TestPanickingListenerIsContained(t *testing.T) {
	bubble(t, []breaker.Option{breaker.WithListener(func(breaker.Change) { boom() })}, func(f *fixture) {
		f.Subscribe(func(breaker.Change) { runtime.Goexit() })
		heard := 0
		for range 3 {
			f.Trip(nodeA, nil)
			synctest.Wait()
			f.Reset(nodeA)
			synctest.Wait()
		}
		if heard = len(f.told()); heard != 6 {
			t.Errorf("another listener heard of %d changes, want 6", heard)
		}
		f.panicked("listener")
	})
}

func TestPanickingOnStateChangeIsContained(t *testing.T) {
	opt := breaker.WithGobreaker(gobreaker.Settings{OnStateChange: func(string, gobreaker.State, gobreaker.State) { boom() }})
	bubble(t, []breaker.Option{opt}, func(f *fixture) {
		f.Trip(nodeA, nil)
		if len(f.told()) != 1 {
			t.Error("a listener was not told")
		}
		f.panicked("OnStateChange")
	})
}

func TestPanickingEventPolicyIsContained(t *testing.T) {
	opt := breaker.WithEventPolicy(func(muxpool.Event, int) bool { boom(); return false })
	bubble(t, []breaker.Option{opt}, func(f *fixture) {
		f.emit(nodeA, muxpool.ConnUp, muxpool.ReasonNone, nil)
		f.emit(nodeA, muxpool.ConnDown, muxpool.ReasonStalled, errSick)
		f.open(nodeA, breaker.ReasonStalled) // as the default policy says
		f.panicked("EventPolicy")
	})
}

// An EventPolicy that ends the goroutine of the pool's events decides as the default does, and keeps no
// other from being asked.
func TestEventPolicyThatEndsItsGoroutineIsContained(t *testing.T) {
	var asked atomic.Int64
	opt := breaker.WithEventPolicy(func(muxpool.Event, int) bool {
		asked.Add(1)
		runtime.Goexit()
		return false
	})
	alone(t, []breaker.Option{opt}, func(f *fixture) {
		shop := f.Scope("shop").Guard(breaker.Target{Node: nodeA})
		bank := f.Scope("bank").Guard(breaker.Target{Node: nodeA})
		f.emit(nodeA, muxpool.ConnUp, muxpool.ReasonNone, nil)
		f.emit(nodeA, muxpool.ConnUp, muxpool.ReasonNone, nil)
		for n, open := range []bool{false, true} { // the default ejects with the last connection
			go f.emit(nodeA, muxpool.ConnDown, muxpool.ReasonStalled, errSick)
			synctest.Wait()
			if ready(t, !open, shop, bank); asked.Load() != int64(2*n+2) {
				t.Errorf("%d policies were asked after %d events", asked.Load(), n+1)
			}
		}
	})
}

func TestPanickingProberIsContained(t *testing.T) {
	for name, end := range map[string]func(){"panics": boom, "ends its goroutine": runtime.Goexit} {
		t.Run(name, func(t *testing.T) {
			var well atomic.Bool
			opt := breaker.WithProbe(func(context.Context, muxpool.Node) error {
				if !well.Load() {
					end()
				}
				return nil
			}, time.Second)
			bubble(t, []breaker.Option{opt}, func(f *fixture) {
				f.expel(nodeA)
				time.Sleep(600 * time.Millisecond)
				synctest.Wait()
				cause, p := f.open(nodeA, breaker.ReasonProbeFailed).Cause, (*breaker.PanicError)(nil)
				if errors.As(cause, &p) != (name == "panics") {
					t.Errorf("the cause is %v", cause)
				}
				if name == "panics" {
					f.panicked("Prober")
				}
				well.Store(true)
				time.Sleep(time.Second)
				synctest.Wait()
				f.state(nodeA, breaker.Closed)
			})
		})
	}
}

// meddling is an error that does something when it is asked what it is.
type meddling struct{ do func() }

func (meddling) Error() string   { return "planted" }
func (m meddling) Is(error) bool { m.do(); return false }

// A Prober's error is asked where its panic is contained, and under no lock.
func TestAProbersErrorIsAskedUnderNoLock(t *testing.T) {
	for name, panics := range map[string]bool{"panics": true, "looks at the node": false} {
		t.Run(name, func(t *testing.T) {
			var g *breaker.Group
			var asked atomic.Int64
			opt := breaker.WithProbe(func(context.Context, muxpool.Node) error {
				return meddling{func() {
					if asked.Add(1); panics {
						boom()
					}
					_, _ = g.StatusOf(nodeA)
				}}
			}, time.Second)
			bubble(t, []breaker.Option{opt}, func(f *fixture) {
				g = f.Group
				f.expel(nodeA)
				time.Sleep(600 * time.Millisecond)
				synctest.Wait()
				f.open(nodeA, breaker.ReasonProbeFailed)
				if asked.Load() == 0 {
					t.Error("nobody asked")
				}
				if panics {
					f.panicked("Prober")
				}
			})
		})
	}
}

// Whoever wants to hear of panics does, once of each kind, and if he panics himself
// nothing comes of it.
func TestPanicListener(t *testing.T) {
	var told []string
	opts := []breaker.Option{
		breaker.WithPanicListener(func(e *breaker.PanicError) { told = append(told, e.Func); boom() }),
		breaker.WithListener(func(breaker.Change) { boom() }),
		breaker.WithClassifier(func(context.Context, any, error) breaker.Outcome { boom(); return breaker.Success }),
	}
	bubble(t, opts, func(f *fixture) {
		f.calls(nodeA, 3, nil)
		f.Trip(nodeA, nil)
		synctest.Wait()
		f.Reset(nodeA)
		synctest.Wait()
		if want := []string{"Classifier", "panic listener", "listener"}; !slices.Equal(told, want) {
			t.Errorf("told of %q, want %q", told, want)
		}
		if len(f.told()) != 2 {
			t.Error("listeners heard of no change, or of panics")
		}
	})
}
