package endpoint

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/kit/sd"

	"github.com/muxkit/muxkit/breaker"
	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
)

// load has callers call ep for d, one after the other each, and returns what share of the
// calls that began in that time went to the node.
func (f *fleet) load(t *testing.T, callers int, d time.Duration, to string, call func(context.Context, any) (any, error)) float64 {
	before := len(f.called())
	end := time.Now().Add(d)
	done := make(chan struct{})
	for range callers {
		go func() {
			for time.Now().Before(end) {
				if _, err := call(t.Context(), nil); err != nil {
					t.Errorf("a call failed: %v", err)
				}
			}
			done <- struct{}{}
		}()
	}
	for range callers {
		bounded.Receive(t, done)
	}
	calls := f.called()[before:]
	n := 0
	for _, address := range calls {
		if address == to {
			n++
		}
	}
	return float64(n) / float64(len(calls))
}

// working has each node take some milliseconds for an answer.
func working(muxpool.Node, context.Context) error { time.Sleep(5 * time.Millisecond); return nil }

// How the load comes to a node that returns, with each policy and two nodes: a fair share
// is a half.
func TestANodeThatReturnsGetsItsLoadSlowly(t *testing.T) {
	for _, p := range policies {
		for name, c := range map[string]struct {
			opts        []Option
			first, half float64 // bounds of its share in the first 30 ms, and in the second half of 3 s
		}{
			"by default":        {nil, 0.15, 0.30},
			"WithSlowStart":     {[]Option{WithSlowStart(time.Minute)}, 0.15, 0},
			"zero, the default": {[]Option{WithSlowStart(time.Minute), WithSlowStart(0)}, 0.15, 0.30},
			"WithoutSlowStart":  {[]Option{WithoutSlowStart()}, 1, 0.40},
			"switched on again": {[]Option{WithoutSlowStart(), WithSlowStart(3 * time.Second)}, 0.15, 0.30},
		} {
			if p != PowerOfTwo && name != "by default" {
				continue
			}
			synctest.Test(t, func(t *testing.T) {
				g := breaker.NewGroup()
				defer g.Close()
				f := &shop{fleet: fleet{do: working}}
				s := NewSet(sd.FixedInstancer{"a:1", "b:1"}, nil, append(c.opts, WithBreakers(g), WithPolicy(p))...)
				defer s.Close()
				ep := s.EndpointFrom("M", f.factory)
				if share := f.load(t, 40, time.Second, "a:1", ep); share < 0.4 || share > 0.6 {
					t.Errorf("%v, %s: %.2f for one of two that are both new", p, name, share)
				}
				g.ForceOpen(node("a"), nil)
				g.Trip(node("a"), nil)
				f.load(t, 40, time.Second, "a:1", ep)
				g.Reset(node("a"))
				share := f.load(t, 40, 30*time.Millisecond, "a:1", ep)
				if share > c.first {
					t.Errorf("%v, %s: %.2f of the calls of the first 30 ms", p, name, share)
				}
				if name == "WithoutSlowStart" && p == PowerOfTwo && share < 0.45 {
					t.Errorf("%.2f of the calls without a slow start: this test shows nothing", share)
				}
				f.load(t, 40, 1500*time.Millisecond, "a:1", ep)
				if share = f.load(t, 40, 1500*time.Millisecond, "a:1", ep); share < c.half {
					t.Errorf("%v, %s: %.2f of the calls of the second half", p, name, share)
				}
				time.Sleep(time.Minute)
				if share = f.load(t, 40, time.Second, "a:1", ep); share < 0.4 || share > 0.6 {
					t.Errorf("%v, %s: %.2f of the calls in the end", p, name, share)
				}
			})
		}
	}
}

// A node that joins others begins slowly; the first ones, and those that come together, do not.
func TestANodeThatJoinsOthersGetsItsLoadSlowly(t *testing.T) {
	for _, p := range policies {
		synctest.Test(t, func(t *testing.T) {
			f := &shop{fleet: fleet{do: working}}
			d := discover("a:1")
			s := NewSet(d, nil, WithPolicy(p))
			defer s.Close()
			ep := s.EndpointFrom("M", f.factory)
			f.load(t, 40, time.Second, "a:1", ep)
			d.now(s, "a:1", "b:1")
			if share := f.load(t, 40, 30*time.Millisecond, "b:1", ep); share > 0.15 {
				t.Errorf("%v: %.2f of the calls of the first 30 ms", p, share)
			}
			d.now(s, "c:1") // in the place of both
			if share := f.load(t, 40, 30*time.Millisecond, "c:1", ep); share != 1 {
				t.Errorf("%v: %.2f of the calls for the only node", p, share)
			}
			d.now(s, "c:1", "d:1", "e:1")
			f.load(t, 40, 500*time.Millisecond, "d:1", ep)
			if share := f.load(t, 40, 500*time.Millisecond, "d:1", ep); share < 0.08 || share > 0.4 {
				t.Errorf("%v: %.2f of the calls after half a second, beside one that is old and one as new", p, share)
			}
		})
	}
}

// Where nodes have no load there is none to keep off: single calls go to all alike.
func TestSingleCallsGoToANodeThatReturnsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &shop{fleet: fleet{do: working}}
		d := discover("a:1")
		s := NewSet(d, nil)
		defer s.Close()
		ep := s.EndpointFrom("M", f.factory)
		d.now(s, "a:1", "b:1")
		if share := f.load(t, 1, time.Second, "b:1", ep); share < 0.3 || share > 0.7 {
			t.Errorf("%.2f of the calls", share)
		}
	})
}

func TestASlowStartIsAFactorOfTheWeight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMember(node("a"))
		w := &m.weight
		(&config{}).start(m, time.Now())
		equal(t, "at first", w.share(), slowStart0)
		time.Sleep(slowStartTime / 2)
		half := w.share()
		equal(t, "at half of the time", half, slowStart0+(full-slowStart0)/2)
		w.halve()
		equal(t, "and overloaded", w.share(), half/2)
		(&config{}).start(m, time.Now().Add(-2*time.Second)) // what is told late
		equal(t, "told again", w.share(), half/2)
		(&config{}).start(m, time.Now()) // it was out again
		for range 20 {
			w.halve()
			time.Sleep(loadPeriod)
		}
		if got := w.share(); got < leastShare {
			t.Errorf("share %d, under the least", got)
		}
		time.Sleep(slowStartTime + healTime)
		equal(t, "in the end", w.share(), full)
		equal(t, "and the clock is read no more", w.rising.Load(), nil)
	})
}

func TestWithSlowStartRefusesANegativeTime(t *testing.T) {
	s := NewSet(sd.FixedInstancer{}, nil, WithSlowStart(-1))
	defer s.Close()
	mustBe(t, s.Err(), ErrInvalidOption)
}
