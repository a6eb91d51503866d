package endpoint

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/verdict"
	"github.com/muxkit/muxkit/transport"
)

// overloaded is an answer that a node cannot take the call now.
var overloaded = &transport.Error{Code: transport.CodeResourceExhausted, Remote: true}

func TestAWeightIsHalvedByOverloadAndComesBack(t *testing.T) {
	type step struct {
		after time.Duration
		learn error // nil: a success
		want  int64 // the share, in 64ths
	}
	busy := error(overloaded)
	for name, steps := range map[string][]step{
		"halved each time":           {{0, busy, 32}, {time.Second / 100, busy, 16}},
		"one burst is one thing":     {{0, busy, 32}, {0, busy, 32}, {9 * time.Millisecond, busy, 32}},
		"time alone brings it back":  {{0, busy, 32}, {healTime + time.Second, nil, 64}},
		"half of the time, half":     {{0, busy, 32}, {healTime / 2, errLost, 48}},
		"other failures are nothing": {{0, errLost, 64}, {0, errUnsent, 64}, {0, transport.Business(1, ""), 64}},
		"a limit at home as well":    {{0, &LimitError{Limit: 1}, 32}},
		"at an odd millisecond":      {{time.Millisecond, busy, 32}, {healTime / 2, errLost, 48}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := NewNodeEndpoint(node("a"), nil)
				for i, s := range steps {
					time.Sleep(s.after)
					e.learn(s.learn)
					if got := (e.member.weight.share()*64 + full/2) / full; got != s.want {
						t.Errorf("step %d: share %d/64, want %d", i, got, s.want)
					}
				}
			})
		})
	}
}

func TestSuccessesBringAWeightBackSoonerThanTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &newMember(node("a")).weight
		for range 20 {
			w.halve()
			time.Sleep(loadPeriod)
		}
		if got := w.share(); got < leastShare || got > leastShare*3/2 {
			t.Fatalf("share %d, never under %d", got, leastShare)
		}
		for range 50 {
			w.gain()
			w.gain() // at once: the same step
			time.Sleep(loadPeriod)
		}
		if got := w.share(); got < full*9/10 {
			t.Errorf("share %d of %d after half a second of successes", got, full)
		}
		time.Sleep(healTime)
		equal(t, "in the end", w.share(), full)
		equal(t, "and the clock is read no more", w.load.Load(), 0)
	})
}

// A success brings a tenth of what is lacking back.
func TestASuccessBringsATenthBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &newMember(node("a")).weight
		w.halve()
		time.Sleep(loadPeriod)
		lack := full - w.share()
		w.gain()
		equal(t, "lacking", full-w.share(), lack*9/10)
	})
}

// All policies give a node calls by its weight, and none refuses a node for it.
func TestBalancersGiveCallsByWeight(t *testing.T) {
	for _, p := range policies {
		synctest.Test(t, func(t *testing.T) {
			nodes := (&fleet{}).nodes("a", "b", "c", "d")
			b := NewBalancer(nodes, WithPolicy(p))
			halve(2, nodes[0])
			if n := count(t, b, 4000)["a:1"]; p != PowerOfTwo && (n < 200 || n > 450) || p == PowerOfTwo && n > 400 {
				t.Errorf("%v: %d of 4000 calls for a node of a quarter's weight", p, n)
			}
			halve(20, nodes...)
			for address, n := range count(t, b, 4000) {
				if n < 700 {
					t.Errorf("%v: %s gets %d of 4000 where all are overloaded", p, address, n)
				}
			}
		})
	}
}

// Where all nodes have little weight, choices cost no more draws; when one has its own back,
// it gets most of the calls.
func TestWeightsAreMeasuredByTheLargest(t *testing.T) {
	for _, p := range []Policy{RoundRobin, Random} {
		synctest.Test(t, func(t *testing.T) {
			nodes := (&fleet{}).nodes("a", "b", "c", "d")
			b := NewBalancer(nodes, WithPolicy(p))
			halve(20, nodes...)
			count(t, b, 100)
			if top := b.top.Load(); top > full/16 {
				t.Errorf("%v: the largest is taken for %d of %d", p, top, full)
			}
			nodes[3].member.weight.load.Store(0)
			if n := count(t, b, 1000)["d:1"]; n < 800 {
				t.Errorf("%v: %d of 1000 calls for the only node of full weight", p, n)
			}
		})
	}
}

func halve(times int, nodes ...*NodeEndpoint) {
	for range times {
		for _, e := range nodes {
			e.member.weight.halve()
		}
		time.Sleep(loadPeriod) // of bubble time
	}
}

// Load is compared for what each node should have.
func TestPowerOfTwoComparesLoadByWeight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, c := range []struct {
			strong, weak int // in flight
			want         string
		}{{0, 0, "strong:1"}, {2, 0, "weak:1"}, {2, 1, "strong:1"}, {4, 1, "weak:1"}, {4, 2, "strong:1"}} {
			nodes := (&fleet{}).nodes("weak", "strong")
			halve(1, nodes[0])
			for i, n := range []int{c.weak, c.strong} {
				for range n {
					nodes[i].member.calls.enter()
				}
			}
			if got := count(t, NewBalancer(nodes), 50); got[c.want] != 50 {
				t.Errorf("%d in flight on the strong, %d on the weak one of half its weight: %v", c.strong, c.weak, got)
			}
		}
	})
}

// A node that says when to come back gets no new call before, if there is another.
func TestRetryAfterKeepsNewCallsOffTheNode(t *testing.T) {
	for _, p := range policies {
		for code, until := range map[transport.Code]time.Duration{ // of the class of the node, and of overload, which halves the weight
			130: time.Second + 2*time.Millisecond, transport.CodeResourceExhausted: healTime,
		} {
			synctest.Test(t, func(t *testing.T) {
				later := &transport.Error{Code: code, Remote: true, RetryAfter: time.Second}
				nodes := (&fleet{do: script(later)}).nodes("a", "b")
				nodes[0].Call(t.Context(), nil)
				b := NewBalancer(nodes, WithPolicy(p))
				equal(t, p.String()+": calls of the other node", count(t, b, 100)["b:1"], 100)
				alone := NewBalancer(nodes[:1], WithPolicy(p))
				equal(t, p.String()+": calls where there is no other", count(t, alone, 100)["a:1"], 100)
				time.Sleep(until)
				if n := count(t, b, 200)["a:1"]; n < 20 {
					t.Errorf("%v: %d of 200 calls when it is time", p, n)
				}
			})
		}
	}
}

// When to come back to a method, as one whose dependency is away says, is nothing to the
// node's other methods.
func TestRetryAfterOfAMethodIsForThatMethod(t *testing.T) {
	for _, p := range policies {
		synctest.Test(t, func(t *testing.T) {
			later := &transport.Error{Code: transport.CodeUnavailable, Remote: true, RetryAfter: time.Second}
			f := &fleet{do: script(later)}
			sum, other := f.nodes("a", "b"), f.nodes("a", "b")
			for i := range sum {
				other[i].member = sum[i].member // as a Set's
			}
			sum[0].Call(t.Context(), nil)
			equal(t, p.String()+": calls of the method elsewhere", count(t, NewBalancer(sum, WithPolicy(p)), 100)["b:1"], 100)
			if n := count(t, NewBalancer(other, WithPolicy(p)), 200)["a:1"]; n < 50 {
				t.Errorf("%v: %d of 200 calls of the other method", p, n)
			}
		})
	}
}

// When to come back with his quota is for the caller: others go on calling the node. And
// nobody keeps them away for as long as he likes.
func TestRetryAfterOfACallerIsForThatCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, code := range []transport.Code{transport.CodeInvalidArgument, transport.CodePermissionDenied, transport.CodeBusiness} {
			nodes := (&fleet{do: script(&transport.Error{Code: code, Remote: true, RetryAfter: time.Hour})}).nodes("a", "b")
			nodes[0].Call(t.Context(), nil)
			if n := count(t, NewBalancer(nodes, WithPolicy(Random)), 200)["a:1"]; n < 50 {
				t.Errorf("%v: %d of 200 calls", code, n)
			}
		}
		nodes := (&fleet{do: script(&transport.Error{Code: 130, Remote: true, RetryAfter: time.Hour})}).nodes("a", "b")
		nodes[0].Call(t.Context(), nil)
		time.Sleep(maxLater + 2*time.Millisecond)
		if n := count(t, NewBalancer(nodes, WithPolicy(Random)), 200)["a:1"]; n < 50 {
			t.Errorf("after %v: %d of 200 calls", maxLater, n)
		}
	})
}

// The methods of a Set share the weight: it is the node that is overloaded.
func TestOverloadMovesCallsToOtherNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fleet{do: func(n muxpool.Node, _ context.Context) error {
			if n == node("a") {
				return refused(transport.CodeResourceExhausted)
			}
			return nil
		}}
		ep := Retry(2, 0, NewBalancer(f.nodes(abc...)))
		for range 1000 {
			if _, err := ep(t.Context(), nil); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Millisecond)
		}
		asked := 0
		for _, address := range f.called() {
			if address == "a:1" {
				asked++
			}
		}
		if asked > 150 { // of some 222 without weights, for two draws of three nodes
			t.Errorf("the node that refuses was asked for %d of 1000 calls", asked)
		}
	})
}

func TestAWeightUnderRaces(t *testing.T) {
	e := NewNodeEndpoint(node("a"), nil)
	w := &e.member.weight
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := range 2000 {
				switch i % 3 {
				case 0:
					e.learn(overloaded)
				case 1:
					e.learn(nil)
				}
				if s := w.share(); s < leastShare || s > full {
					t.Errorf("share %d", s)
				}
				e.heldBack()
			}
		})
	}
	bounded.Wait(t, wg.Wait)
}

// A retry-after counts from when it is heard, for five seconds at most; what was not sent says nothing.
func TestWhatIsHeardOfARetryAfter(t *testing.T) {
	const ms = time.Millisecond
	for name, c := range map[string]struct {
		v     verdict.Verdict
		until time.Duration // it is asked for; 0: it is not
	}{
		"refused":         {verdict.Verdict{Ran: verdict.Refused, RetryAfter: 100 * ms}, 100 * ms},
		"it may have run": {verdict.Verdict{Ran: verdict.Maybe, RetryAfter: 100 * ms}, 100 * ms},
		"not sent":        {verdict.Verdict{Ran: verdict.NotSent, RetryAfter: 100 * ms}, 0},
		"without one":     {verdict.Verdict{Ran: verdict.Maybe}, 0},
		"an hour":         {verdict.Verdict{Ran: verdict.Maybe, RetryAfter: time.Hour}, maxLater},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &newMember(node("a")).weight
				time.Sleep(time.Minute)
				var l later
				l.hear(w, c.v)
				equal(t, "at once", l.asks(w), c.until > 0)
				time.Sleep(c.until)
				equal(t, "when it is over", l.asks(w), c.until > 0) // that was rounded up
				time.Sleep(ms)
				equal(t, "later", l.asks(w), false)
			})
		})
	}
}
