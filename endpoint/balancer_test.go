package endpoint

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-kit/kit/sd/lb"
	"github.com/sony/gobreaker"

	"github.com/muxkit/muxkit/breaker"
	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
)

var policies = []Policy{PowerOfTwo, RoundRobin, Random}

// count picks n times and counts by address.
func count(t *testing.T, b *Balancer, n int) map[string]int {
	t.Helper()
	got := map[string]int{}
	for range n {
		e, err := b.Pick()
		if err != nil {
			t.Fatal(err)
		}
		got[e.Node().Address]++
	}
	return got
}

func TestBalancerNeverPicksAnOpenNode(t *testing.T) {
	for _, p := range policies {
		for _, open := range [][]muxpool.Node{{node("a")}, {node("a"), node("b")}, {node("b"), node("c")}} {
			b := NewBalancer((&fleet{}).nodes("a", "b", "c"), WithPolicy(p), withBreakers(newSwitchboard(open...)))
			got := count(t, b, 300)
			for _, n := range open {
				if got[n.Address] != 0 {
					t.Errorf("%v with %v open: picked %v", p, open, got)
				}
			}
		}
	}
}

func TestBalancerSpreadsOverAllNodes(t *testing.T) {
	for _, p := range policies {
		got := count(t, NewBalancer((&fleet{}).nodes("a", "b", "c", "d"), WithPolicy(p)), 4000)
		for _, address := range []string{"a:1", "b:1", "c:1", "d:1"} {
			if got[address] < 700 {
				t.Errorf("%v: picked %v of 4000", p, got)
			}
		}
	}
}

// The successor of a node that is skipped must not get the calls of both.
func TestRoundRobinSharesTheCallsOfAnOpenNode(t *testing.T) {
	b := NewBalancer((&fleet{}).nodes("a", "b", "c", "d"), WithPolicy(RoundRobin), withBreakers(newSwitchboard(node("b"))))
	got := count(t, b, 300)
	for _, address := range []string{"a:1", "c:1", "d:1"} {
		equal(t, "calls of "+address, got[address], 100)
	}
}

func TestRandomSharesTheCallsOfOpenNodes(t *testing.T) {
	b := NewBalancer((&fleet{}).nodes("a", "b", "c", "d"), WithPolicy(Random), withBreakers(newSwitchboard(node("a"), node("b"))))
	if got := count(t, b, 2000); got["c:1"] < 800 || got["d:1"] < 800 {
		t.Errorf("picked %v of 2000", got)
	}
}

func TestPowerOfTwoPrefersTheNodeWithFewerCallsInFlight(t *testing.T) {
	nodes := (&fleet{}).nodes("busy", "idle")
	nodes[0].member.calls.enter()
	defer nodes[0].member.calls.leave()
	equal(t, "in flight", nodes[0].InFlight(), 1)
	if got := count(t, NewBalancer(nodes), 200); got["idle:1"] != 200 {
		t.Errorf("picked %v", got)
	}
}

// With two of three nodes open, those left are compared all the same.
func TestSearchPrefersTheLeastLoaded(t *testing.T) {
	nodes := (&fleet{}).nodes("a", "b", "busy", "idle")
	nodes[2].member.calls.enter()
	b := NewBalancer(nodes, withBreakers(newSwitchboard(node("a"), node("b"))))
	for range 100 {
		x, _ := b.look(nodes)
		e, _, err := b.search(x, &x.near, nil, false)
		if err != nil || e.Node() != node("idle") {
			t.Fatalf("search: %v, %v", e.Node(), err)
		}
	}
}

// A node that was dropped, or went out, since the index was made keeps a search from no other; and of those that the call
// has been to it takes the least loaded, too.
func TestSearchPassesOverWhoIsGone(t *testing.T) {
	for name, spoil := range map[string]func(e *NodeEndpoint, w *wall){
		"dropped": func(e *NodeEndpoint, _ *wall) { e.member.calls.shut() },
		"out":     func(e *NodeEndpoint, w *wall) { w.shut[e.Node()] = true },
	} {
		nodes := (&fleet{}).nodes("gone", "busy", "idle")
		w := &wall{shut: map[muxpool.Node]bool{}}
		b := NewBalancer(nodes, withBreakers(w))
		x, _ := b.look(nodes)
		nodes[1].member.calls.enter()
		spoil(nodes[0], w)
		for _, been := range []tried{nil, {{node: node("busy")}, {node: node("idle")}}} {
			for range 100 {
				e, dropped, err := b.search(x, &x.near, been, false)
				if err != nil || e != nodes[2] || dropped != (name == "dropped") {
					t.Fatalf("%s, been to %v: %v, dropped %v, %v", name, been, e.Node(), dropped, err)
				}
			}
		}
	}
}

func TestBalancerAvoidsTriedNodesWhileItCan(t *testing.T) {
	for _, p := range policies {
		b := NewBalancer((&fleet{}).nodes("a", "b", "c"), WithPolicy(p), withBreakers(newSwitchboard(node("c"))))
		for range 100 {
			if e, err := b.Pick(node("a")); err != nil || e.Node() != node("b") {
				t.Fatalf("%v: avoiding a: %v, %v", p, e, err)
			}
			if e, err := b.Pick(node("a"), node("b")); err != nil || e.Node() == node("c") {
				t.Fatalf("%v: avoiding all that take calls: %v, %v", p, e, err)
			}
		}
	}
}

func TestAllOpenErrorNamesEachNodeItsReasonAndTheEarliestReturn(t *testing.T) {
	b := NewBalancer((&fleet{}).nodes("a", "b"), withBreakers(newSwitchboard(node("b"), node("a"))))
	_, err := b.Pick()
	all := as[*AllOpenError](t, err)
	equal(t, "nodes", len(all.Nodes), 2)
	equal(t, "retry after", all.RetryAfter, time.Second)
	equal(t, "sent", all.Sent(), false)
	mustBe(t, err, gobreaker.ErrOpenState, all.Nodes[0], all.Nodes[1], all.Nodes[0].Cause, all.Nodes[1].Cause)
	for _, want := range []string{"all 2 nodes", "tcp://a:1", "tcp://b:1", "node expelled", "retry after 1s", "cause of a:1"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not say %q", err, want)
		}
	}
}

func TestAllOpenErrorStaysShort(t *testing.T) {
	var names []string
	var open []muxpool.Node
	for i := range 1000 {
		names = append(names, fmt.Sprint("n", i))
		open = append(open, node(names[i]))
	}
	_, err := NewBalancer((&fleet{}).nodes(names...), withBreakers(newSwitchboard(open...))).Pick()
	equal(t, "nodes", len(as[*AllOpenError](t, err).Nodes), 1000)
	if n := len(err.Error()); n > 4096 || !strings.Contains(err.Error(), "and 992 more") {
		t.Errorf("%d bytes: %.200s", n, err)
	}
}

func TestAllOpenErrorWhenNobodyKnowsTheReturn(t *testing.T) {
	e := newAllOpenError([]*breaker.OpenError{{Node: node("a")}, {Node: node("b"), RetryAfter: time.Minute}})
	equal(t, "retry after", e.RetryAfter, time.Minute)
	equal(t, "nobody knows", newAllOpenError([]*breaker.OpenError{{Node: node("a")}}).RetryAfter, 0)
}

func TestBalancerWithoutNodes(t *testing.T) {
	_, err := NewBalancer(FixedEndpointer{}).Pick()
	mustBe(t, err, lb.ErrNoEndpoints)
	equal(t, "sent", as[*NoNodesError](t, err).Sent(), false)
	equal(t, "text", err.Error(), "muxendpoint: no usable node")

	nodes := (&fleet{}).nodes("a")
	nodes[0].member.calls.shut()
	_, err = NewBalancer(nodes).Pick()
	mustBe(t, err, lb.ErrNoEndpoints)
}

type failingEndpointer struct{ error }

func (f failingEndpointer) NodeEndpoints() ([]*NodeEndpoint, error) { return nil, f.error }

func TestBalancerTellsItsEndpointersError(t *testing.T) {
	cause := errors.New("discovery is gone")
	_, err := NewBalancer(failingEndpointer{cause}).Endpoint()
	mustBe(t, err, cause)
}

type brokenBreakers struct {
	*switchboard
	err error
}

func (b brokenBreakers) Check(muxpool.Node) error     { return b.err }
func (b brokenBreakers) Guard(t breaker.Target) guard { return &switchGuard{b, t} }

func TestBalancerTellsAnErrorOfTheBreakersThatIsNoRefusal(t *testing.T) {
	cause := errors.New("group closed")
	for _, names := range [][]string{{"a"}, {"a", "b"}} {
		_, err := NewBalancer((&fleet{}).nodes(names...), withBreakers(brokenBreakers{newSwitchboard(), cause})).Pick()
		mustBe(t, err, cause)
	}
}

// A node that discovery has dropped is none of those that are out.
func TestAllOpenErrorLeavesOutWhoIsDropped(t *testing.T) {
	nodes := (&fleet{}).nodes("dropped", "b", "c")
	nodes[0].member.calls.shut()
	_, err := NewBalancer(nodes, withBreakers(newSwitchboard(node("b"), node("c")))).Pick()
	equal(t, "nodes", len(as[*AllOpenError](t, err).Nodes), 2)
}

// It is an lb.Balancer whose endpoints count as in flight while they run.
func TestBalancerEndpointCountsItsCalls(t *testing.T) {
	f := &fleet{}
	nodes := f.nodes("a")
	f.do = func(muxpool.Node, context.Context) error {
		equal(t, "in flight during the call", nodes[0].InFlight(), 1)
		return nil
	}
	var b lb.Balancer = NewBalancer(nodes)
	ep, err := b.Endpoint()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := ep(t.Context(), "hello"); err != nil || got != "hello from a:1" {
		t.Errorf("answer: %v, %v", got, err)
	}
	equal(t, "in flight after it", nodes[0].InFlight(), 0)

	nodes[0].member.calls.shut()
	_, err = ep(t.Context(), "late")
	removed := as[*RemovedError](t, err)
	if !strings.Contains(err.Error(), "tcp://a:1") {
		t.Error(err)
	}
	equal(t, "removed", removed.Node, node("a"))
	equal(t, "sent", removed.Sent(), false)
}

func TestBalancerInvalidOptions(t *testing.T) {
	for name, b := range map[string]*Balancer{
		"NewBalancer(nil)":      NewBalancer(nil),
		"WithPolicy(policy(9))": NewBalancer(FixedEndpointer{}, WithPolicy(9)),
		"WithBreakers(nil)":     NewBalancer(FixedEndpointer{}, WithBreakers(nil)),
		"nil Option":            NewBalancer(FixedEndpointer{}, nil),
		"WithMaxEjection":       NewBalancer(FixedEndpointer{}, WithBreakers(breaker.NewGroup(breaker.WithMaxEjection(7)))),
	} {
		_, err := b.Endpoint()
		mustBe(t, err, ErrInvalidOption)
		if !strings.Contains(err.Error(), name) {
			t.Errorf("%v does not name %s", err, name)
		}
	}
}

func TestPolicyNames(t *testing.T) {
	equal(t, "names", fmt.Sprint(PowerOfTwo, RoundRobin, Random, Policy(9)), "power of two round robin random policy(9)")
}

// Many callers, nodes that open and close, one open at a time: who finds all of them open has
// looked at one before another opened in its place.
func TestBalancerUnderRaces(t *testing.T) {
	s := newSwitchboard()
	b := NewBalancer((&fleet{}).nodes("a", "b", "c"), withBreakers(s))
	var turns atomic.Int64 // begun: it is counted before another node is open
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 2000 {
				before := turns.Load()
				if e, err := b.enter(nil, 0, nil); err != nil {
					if turns.Load() == before { // two nodes at most were open meanwhile
						t.Error(err)
					}
				} else {
					e.member.calls.leave()
				}
			}
		})
	}
	wg.Go(func() {
		for i := range 2000 {
			turns.Add(1)
			s.mu.Lock()
			clear(s.open)
			s.open[node(string(rune('a'+i%3)))] = &breaker.OpenError{}
			s.mu.Unlock()
		}
	})
	bounded.Wait(t, wg.Wait)
	for _, e := range must(b.source.NodeEndpoints()) {
		equal(t, "in flight at the end", e.InFlight(), 0)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func (d dropping) Guard(t breaker.Target) guard { return &switchGuard{d, t} }

// dropping makes discovery drop a node just after its breaker was asked.
type dropping struct {
	*switchboard
	drop *NodeEndpoint
}

func (d dropping) Check(n muxpool.Node) error {
	if n == d.drop.Node() {
		d.drop.member.calls.shut()
	}
	return nil
}

func TestACallThatBeginsNeverEntersADroppedNode(t *testing.T) {
	nodes := (&fleet{}).nodes("a", "b")
	b := NewBalancer(nodes, WithPolicy(RoundRobin), withBreakers(dropping{newSwitchboard(), nodes[0]}))
	e, err := b.enter(nil, 0, nil)
	if err != nil || e != nodes[1] {
		t.Fatalf("entered %v, %v", e, err)
	}
	equal(t, "in flight", e.InFlight(), 1)
	e.member.calls.leave()
}

// views yields one list of nodes after the other.
type views struct{ lists []FixedEndpointer }

func (v *views) NodeEndpoints() ([]*NodeEndpoint, error) {
	now := v.lists[0]
	if len(v.lists) > 1 {
		v.lists = v.lists[1:]
	}
	return now, nil
}

// A list whose nodes were dropped meanwhile is old: there is a newer one.
func TestAChoiceThatRacesWithDiscoveryLooksAgain(t *testing.T) {
	f := &fleet{}
	old, older, fresh := f.nodes("b", "a"), f.nodes("b"), f.nodes("b", "c")
	for _, list := range []FixedEndpointer{old, older} {
		for _, e := range list {
			e.member.calls.shut()
		}
	}
	for _, p := range policies {
		b := NewBalancer(&views{[]FixedEndpointer{older, old, fresh}}, WithPolicy(p), withBreakers(newSwitchboard(node("b"))))
		if e, err := b.Pick(); err != nil || e != fresh[1] {
			t.Errorf("%v: picked %v, %v", p, e, err)
		}
	}
}

// A walk comes by each of many once, from wherever it begins.
func TestAWalkComesByEach(t *testing.T) {
	for n := 1; n < 4*maxLooked; n += 1 + n/60*7 {
		seen := make(map[int]int)
		at, step := walk(n)
		for range n {
			seen[at]++
			at = (at + step) % n
		}
		equal(t, "come by", len(seen), n)
	}
	walk(0)
}

// What is looked at of many, or the few first, is not all in one corner of them, whatever is drawn.
func TestAWalkPassesNoCornerBy(t *testing.T) {
	for _, n := range []int{maxLooked + 1, 546, 570, 1000, 2310, 5000, 30030, 65536} {
		for range 200 {
			at, step := walk(n)
			const first = 64
			seen := make([]int, first)
			for i := range seen {
				seen[i] = (at + i*step) % n
			}
			slices.Sort(seen)
			for i, v := range seen {
				if gap := (seen[(i+1)%first] - v + n) % n; gap > n/8+1 {
					t.Fatalf("%d of %d, with a step of %d, pass by %d in a row", first, n, step, gap)
				}
			}
		}
	}
}
