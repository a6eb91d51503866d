package breaker_test

import (
	"context"
	"testing"
	"time"

	"github.com/go-kit/kit/endpoint"

	"github.com/muxkit/muxkit/breaker"
)

func (f *fixture) known() int { return len(f.Status()) }

// Discovery that flaps erases no memory.
func TestFlappingDiscovery(t *testing.T) {
	alone(t, []breaker.Option{breaker.WithForget(time.Minute), breaker.WithEjectionTime(time.Hour, 0)}, func(f *fixture) {
		release := f.Hold(nodeA)
		f.expel(nodeA)
		for range 10 {
			release()
			time.Sleep(59 * time.Second)
			release = f.Hold(nodeA)
			time.Sleep(59 * time.Second)
			f.open(nodeA, breaker.ReasonNodeExpelled)
		}
		release()
		time.Sleep(61 * time.Second)
		if f.known() != 0 || f.Check(nodeA) != nil {
			t.Error("the node is not forgotten")
		}
	})
}

// Who has been let go may be tried when his time is over, as long as nobody else would do it.
func TestANodeThatWasLetGoIsTriedInTime(t *testing.T) {
	for name, opts := range map[string][]breaker.Option{"by default": nil, "without a probe": {breaker.WithoutProbe()}} {
		bubble(t, opts, func(f *fixture) {
			release := f.Hold(nodeA)
			f.calls(nodeA, 5, errSick)
			release()
			time.Sleep(499 * time.Millisecond)
			f.state(nodeA, breaker.Open)
			time.Sleep(2 * time.Millisecond)
			if f.told(); f.Check(nodeA) != nil {
				t.Errorf("%s: %v", name, f.Check(nodeA))
			}
			f.state(nodeA, breaker.HalfOpen)
		})
	}
}

func TestHeldNodeIsNotForgotten(t *testing.T) {
	alone(t, []breaker.Option{breaker.WithForget(time.Minute)}, func(f *fixture) {
		one, two := f.Hold(nodeA), f.Hold(nodeA)
		one()
		one() // counts once
		time.Sleep(time.Hour)
		if st, ok := f.StatusOf(nodeA); !ok || st.Holds != 1 || !st.Live {
			t.Errorf("known %v, %+v", ok, st)
		}
		two()
		time.Sleep(time.Hour)
		if _, ok := f.StatusOf(nodeA); ok {
			t.Error("the node is not forgotten")
		}
	})
}

// A Middleware finds its node again after it was forgotten, and calls keep it.
func TestMiddlewareOutlivesForgetting(t *testing.T) {
	alone(t, []breaker.Option{breaker.WithForget(time.Minute)}, func(f *fixture) {
		ep := f.Middleware(nodeA)(endpoint.Nop)
		for range 10 {
			time.Sleep(59 * time.Second)
			ep(context.Background(), nil)
		}
		if st, _ := f.StatusOf(nodeA); st.Totals.Successes != 10 {
			t.Error("a node that is called was forgotten")
		}
		time.Sleep(2 * time.Minute)
		if f.known() != 0 {
			t.Error("an idle node was not forgotten")
		}
		f.expel(nodeA)
		if _, err := ep(context.Background(), nil); err == nil {
			t.Error("the middleware calls through a breaker that was forgotten")
		}
		time.Sleep(3 * time.Minute)
		ep(context.Background(), nil)
		if st, ok := f.StatusOf(nodeA); !ok || !st.Live {
			t.Error("the node is not known again")
		}
	})
}

func TestOrdersAreNotForgotten(t *testing.T) {
	alone(t, []breaker.Option{breaker.WithForget(time.Minute)}, func(f *fixture) {
		f.ForceOpen(nodeA, nil)
		f.Disable(nodeB)
		time.Sleep(time.Hour)
		f.open(nodeA, breaker.ReasonForcedOpen)
		if st, _ := f.StatusOf(nodeB); st.Mode != breaker.Disabled {
			t.Errorf("B is %s", st.Mode)
		}
	})
}
