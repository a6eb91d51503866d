package breaker_test

import (
	"context"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/kit/endpoint"

	"github.com/muxkit/muxkit/breaker"
	"github.com/muxkit/muxkit/internal/bounded"
)

// What a balancer asks of each candidate costs no allocation, open or not.
func TestReadyDoesNotAllocate(t *testing.T) {
	g := breaker.NewGroup(breaker.WithMaxEjection(1), breaker.WithEjectionTime(time.Hour, time.Hour))
	defer g.Close()
	s := g.Scope("shop")
	guards := map[string]*breaker.Guard{}
	for i, name := range []string{"closed", "out", "method out"} {
		guards[name] = s.Guard(breaker.Target{Node: nodeN(i), Method: "A"})
		s.Guard(breaker.Target{Node: nodeN(i), Method: "B"})
	}
	g.Trip(nodeN(1), errSick)
	times(5, guards["method out"], status(503))
	for name, guard := range guards {
		if guard.Ready() != (name == "closed") {
			t.Fatalf("%s: %v", name, guard.Check())
		}
		if n := bounded.Allocs(100, func() { guard.Ready(); s.Changes() }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func TestCallsOfSeveralMethodsDoNotAllocate(t *testing.T) {
	g := breaker.NewGroup()
	defer g.Close()
	s := g.Scope("shop")
	ep := s.Guard(breaker.Target{Node: nodeA, Method: "A"}).Middleware()(endpoint.Nop)
	s.Guard(breaker.Target{Node: nodeA, Method: "B"})
	if n := bounded.Allocs(100, func() { ep(context.Background(), nil) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// Whatever makes Ready say something else, time included, Changes tells before.
func TestChangesTellWhenReadyMayDiffer(t *testing.T) {
	bubble(t, []breaker.Option{breaker.WithObserveOnly(false)}, func(f *fixture) {
		s := f.Scope("")
		other := f.Scope("other")
		guard := s.Guard(breaker.Target{Node: nodeA, Method: "A"})
		method := s.Guard(breaker.Target{Node: nodeA, Method: "B"})
		s.Guard(breaker.Target{Node: nodeB, Method: "B"})
		place := newGate()
		result := make(chan error)
		before, unrelated := s.Changes(), other.Changes()
		for _, step := range []struct {
			name  string
			do    func()
			ready bool
			guard *breaker.Guard
		}{
			{"the pool", func() { f.expel(nodeA) }, false, guard},
			{"the end of the ejection", func() { time.Sleep(500 * time.Millisecond) }, true, guard},
			{"the last place is taken", func() {
				go func() { _, err := guard.Middleware()(place.endpoint)(context.Background(), nil); result <- err }()
				<-place.entered
			}, false, guard},
			{"the place comes back", func() { place.answer <- breakerRefusal{}; <-result }, true, guard},
			{"a probe", func() { through(guard, nil) }, true, guard},
			{"a method", func() { times(5, method, status(503)) }, false, method},
			{"its ejection's end", func() { time.Sleep(500 * time.Millisecond) }, true, method},
			{"an order", func() { f.ForceOpen(nodeA, nil) }, false, guard},
			{"another", func() { f.Enable(nodeA) }, true, guard},
			{"new settings", func() { f.Trip(nodeA, nil); before = s.Changes(); f.update(breaker.WithObserveOnly(true)) }, true, guard},
		} {
			step.do()
			synctest.Wait()
			if step.guard.Ready() != step.ready {
				t.Fatalf("%s: Ready is %v", step.name, !step.ready)
			}
			if s.Changes() == before {
				t.Errorf("%s: Changes did not tell", step.name)
			}
			before = s.Changes()
		}
		if got := other.Changes(); got > unrelated+1 { // the new settings
			t.Errorf("another service was told %d times", got-unrelated)
		}
	})
}

func TestChangesTellOfAPanic(t *testing.T) {
	alone(t, []breaker.Option{breaker.WithPanicThreshold(0.5), breaker.WithEjectionTime(time.Hour, 0)}, func(f *fixture) {
		guards := f.service("shop", 0, 4)
		times(5, guards[0], errSick)
		times(5, guards[1], errSick)
		ready(t, false, guards[0])
		before := f.Scope("shop").Changes()
		f.expel(nodeN(2))
		ready(t, true, guards[0])
		if f.Scope("shop").Changes() == before {
			t.Error("Changes did not tell")
		}
	})
}

// Ten thousand nodes come and go at the price of each: no table is copied, which would
// take half a megabyte for every one of them.
func TestNodesComeAndGoAtALinearPrice(t *testing.T) {
	const n, most = 10_000, 8 << 10
	measure := func(what string, f func()) {
		t.Helper()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		f()
		runtime.ReadMemStats(&after)
		if each := (after.TotalAlloc - before.TotalAlloc) / n; each > most {
			t.Errorf("%d bytes for each node to %s", each, what)
		}
	}
	alone(t, []breaker.Option{breaker.WithForget(time.Minute)}, func(f *fixture) {
		release := make([]func(), n)
		measure("come", func() {
			for i := range n {
				release[i] = f.Hold(nodeN(i))
			}
		})
		measure("go", func() {
			for _, r := range release {
				r()
			}
			time.Sleep(2 * time.Minute)
			synctest.Wait()
		})
		if f.known() != 0 {
			t.Errorf("%d are not forgotten", f.known())
		}
	})
}

// What a Guard says of a group that must not be used, of a node that was forgotten, of one that
// is let go while it is out, and of who judges.
func TestWhatAGuardSays(t *testing.T) {
	bubble(t, []breaker.Option{breaker.WithForget(time.Minute), breaker.WithEjectionTime(time.Second, 0)}, func(f *fixture) {
		g := f.guard(nodeA, func(context.Context) error { return errSick })
		f.expel(nodeA)
		ready(t, false, g)
		begin := time.Now()
		f.Hold(nodeA)() // nobody probes it any more
		after(30 * time.Second)
		if since := g.Trying(); !since.After(begin) || since.After(time.Now()) {
			t.Errorf("who calls tries it since %v, and its time was over at about %v", since, begin.Add(time.Second))
		}
		after(2 * time.Minute)
		ready(t, true, g) // forgotten
		if g.Classified() {
			t.Error("a Classifier is told of where there is none")
		}
		f.update(breaker.WithClassifier(func(context.Context, any, error) breaker.Outcome { return breaker.Success }))
		if g = f.Scope("").Guard(g.Target()); !g.Classified() {
			t.Error("the Classifier is not told of")
		}
		f.Scope("bad", breaker.WithProbes(-1))
		if err := g.Check(); err == nil || err != f.Err() {
			t.Errorf("with an option that is invalid Check says %v", err)
		}
	})
}

// A Guard refuses a probe that is none.
func TestANilProbe(t *testing.T) {
	g := breaker.NewGroup()
	defer g.Close()
	g.Scope("").Guard(breaker.Target{Node: nodeA}).ProbeWith(nil)
	if g.Err() == nil {
		t.Error("ProbeWith(nil) is no error")
	}
}
