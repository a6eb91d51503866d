package endpoint

import (
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/kit/endpoint"

	"github.com/muxkit/muxkit/breaker"
	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
)

// wall is a scope whose guards count how often they are asked.
type wall struct {
	shut    map[muxpool.Node]bool
	changes uint64
	asked   atomic.Int64
	checked atomic.Int64 // for errors
}

type wallGuard struct {
	*wall
	node muxpool.Node
}

func (w *wall) Guard(t breaker.Target) guard { return &wallGuard{w, t.Node} }
func (w *wall) Hold(muxpool.Node) func()     { return func() {} }
func (w *wall) Changes() uint64              { return w.changes }
func (w *wall) Changed() <-chan struct{}     { return nil }

func (g *wallGuard) Ready() bool { g.asked.Add(1); return !g.shut[g.node] }
func (g *wallGuard) Check() error {
	g.checked.Add(1)
	if g.shut[g.node] {
		return &breaker.OpenError{Node: g.node}
	}
	return nil
}
func (g *wallGuard) Middleware() endpoint.Middleware { return guarding(g.Check) }

// manyNodes are nodes of which the first ones are out.
func manyNodes(n, out int) (FixedEndpointer, *wall) {
	names := make([]string, n)
	w := &wall{shut: map[muxpool.Node]bool{}}
	for i := range names {
		names[i] = fmt.Sprint("n", i)
		if i < out {
			w.shut[node(names[i])] = true
		}
	}
	return (&fleet{}).nodes(names...), w
}

// A choice costs the same however many of the nodes are out.
func TestAChoiceAmongOpenNodesCostsNoMore(t *testing.T) {
	for _, p := range policies {
		for _, out := range []int{0, 200, 1800, 1999} {
			nodes, w := manyNodes(2000, out)
			b := NewBalancer(nodes, WithPolicy(p), withBreakers(w))
			count(t, b, 1)
			w.asked.Store(0)
			if n := bounded.Allocs(1000, func() { b.Pick() }); n > 0 {
				t.Errorf("%v, %d of 2000 out: %v allocations", p, out, n)
			}
			if n := w.asked.Load(); n > 0 {
				t.Errorf("%v, %d of 2000 out: 1000 choices asked %d breakers", p, out, n)
			}
			for address := range count(t, b, 100) {
				if w.shut[muxpool.Node{Network: "tcp", Address: address}] {
					t.Errorf("%v: chose %s, which is out", p, address)
				}
			}
		}
	}
}

// A choice in vain, or among nodes that are held back, costs no more with 5000 nodes: those of a moment
// share what one of them has asked.
func TestAChoiceInVainCostsNoMore(t *testing.T) {
	const n, choices = 5000, 100
	for name, row := range map[string]struct {
		out       int
		avoid     tried // n0
		held      bool
		changes   bool // as the breakers tell all the time
		most, err int64
	}{
		"all are out":                    {out: n, most: n, err: n},
		"all are out, and breakers tell": {out: n, changes: true, most: choices * n, err: n},
		"all but one where the call was": {out: n - 1, avoid: tried{{node: node("n4999"), barred: true}}, most: choices},
		"all are held back":              {held: true, most: choices * maxLooked},
		"half of them are held back":     {held: true, out: 1, most: choices * maxLooked / 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				nodes, w := manyNodes(n, row.out)
				b := NewBalancer(nodes, withBreakers(w))
				b.pick(row.avoid, 0, nil)
				for i, e := range nodes {
					if row.held && i >= n/2*row.out {
						e.member.weight.later.until.Store(e.member.weight.now() + 1000)
					}
				}
				w.asked.Store(0)
				w.checked.Store(0)
				for range choices {
					if row.changes {
						w.changes++
						b.indexing.Lock() // somebody makes the index
					}
					e, err := b.pick(row.avoid, 0, nil)
					if (err == nil) != row.held || row.held && row.out > 0 && e.heldBack() {
						t.Fatal(e, err)
					}
					if row.changes {
						b.indexing.Unlock()
					}
				}
				if asked, checked := w.asked.Load(), w.checked.Load(); asked > row.most || checked > row.err {
					t.Errorf("%d choices asked %d breakers, and %d for an error; at most %d and %d are good", choices, asked, checked, row.most, row.err)
				}
			})
		})
	}
}

// A node that is back is found though all were out a moment ago, and so is one whose time is over.
func TestAnAnswerThatIsSharedIsTrue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nodes, w := manyNodes(3, 3)
		b := NewBalancer(nodes, withBreakers(w))
		_, err := b.Pick()
		first := as[*AllOpenError](t, err)
		equal(t, "nodes", len(first.Nodes), 3)
		_, err = b.Pick()
		equal(t, "shared", as[*AllOpenError](t, err) == first, true)
		time.Sleep(outTime)
		_, err = b.Pick()
		equal(t, "shared later", as[*AllOpenError](t, err) == first, false)
		delete(w.shut, node("n1"))
		w.changes++
		equal(t, "calls of the one that is back", count(t, b, 10)["n1:1"], 10)

		g := breaker.NewGroup(breaker.WithoutJitter(), breaker.WithoutProbe(), breaker.WithEjectionTime(5*time.Millisecond, time.Second))
		defer g.Close()
		b = NewBalancer((&fleet{}).nodes("a"), WithBreakers(g))
		count(t, b, 1)
		g.Trip(node("a"), nil)
		_, err = b.Pick()
		as[*AllOpenError](t, err)
		time.Sleep(5 * time.Millisecond)
		if _, err := b.Pick(); err != nil {
			t.Error(err)
		}
	})
}

// What the breakers say, and what discovery names, is seen with the next choice.
func TestAChoiceFollowsBreakersAndDiscovery(t *testing.T) {
	nodes, w := manyNodes(3, 2)
	source := &views{[]FixedEndpointer{nodes}}
	b := NewBalancer(source, withBreakers(w))
	equal(t, "calls of the only node", count(t, b, 50)["n2:1"], 50)
	delete(w.shut, node("n0"))
	w.shut[node("n2")] = true
	w.changes++
	equal(t, "calls of the one that came back", count(t, b, 50)["n0:1"], 50)
	source.lists = []FixedEndpointer{(&fleet{}).nodes("new")}
	equal(t, "calls of the one that discovery names", count(t, b, 50)["new:1"], 50)
}

// An Endpointer that makes a new slice for each choice costs that, but no new guards.
func TestAnIndexKeepsTheGuardsOfNodesThatStay(t *testing.T) {
	nodes, w := manyNodes(3, 1)
	r := &recorder{switchboard: newSwitchboard(node("n0"))}
	source := &views{}
	for range 10 {
		source.lists = append(source.lists, slices.Clone(nodes))
	}
	source.lists = append(source.lists, append(slices.Clone(nodes), (&fleet{}).nodes("n4")...))
	b := NewBalancer(source, withBreakers(r))
	if got := count(t, b, 50); got["n0:1"] > 0 || got["n4:1"] == 0 {
		t.Errorf("chose %v", got)
	}
	equal(t, "guards made", len(r.targets), 4)
	equal(t, "asked of another scope", w.asked.Load(), 0)
}

// While an index is being made, others go by that of before, and ask again.
func TestAChoiceBesideTheMakingOfAnIndex(t *testing.T) {
	nodes, w := manyNodes(3, 0)
	b := NewBalancer(nodes, withBreakers(w))
	count(t, b, 1)
	w.shut[node("n0")], w.shut[node("n1")] = true, true
	w.changes++
	b.indexing.Lock()
	defer b.indexing.Unlock()
	equal(t, "calls of the node that is left", count(t, b, 100)["n2:1"], 100)

	nodes, w = manyNodes(1, 1)
	b = NewBalancer(nodes, withBreakers(w))
	_, err := b.Pick()
	as[*AllOpenError](t, err)
	delete(w.shut, node("n0"))
	w.changes++
	b.indexing.Lock()
	defer b.indexing.Unlock()
	equal(t, "calls of a node that is back unknown to the index", count(t, b, 10)["n0:1"], 10)
}

// Two that are drawn are never the same, and any may be one of them.
func TestTwoThatAreDrawnAreDifferent(t *testing.T) {
	for name, given := range map[string][]int64{"alike": {full, full, full}, "different": {full, full / 2, full / 4}} {
		var ready []candidate
		for i, e := range (&fleet{}).nodes(abc...) {
			e.member.weight.given.Store(given[i])
			ready = append(ready, candidate{NodeEndpoint: e})
		}
		p := partOf(ready)
		equal(t, name+": without sums", p.sums == nil, name == "alike")
		drawn := map[int]int{}
		for range 1000 {
			i, j := p.two()
			if i == j {
				t.Fatalf("%s: %d twice", name, i)
			}
			drawn[i]++
			drawn[j]++
		}
		equal(t, name+": drawn", len(drawn), 3)
	}
}

// The breakers of a Group: a node that is out and comes back is seen.
func TestAChoiceFollowsAGroup(t *testing.T) {
	g := breaker.NewGroup()
	defer g.Close()
	b := NewBalancer((&fleet{}).nodes("a", "b"), WithBreakers(g))
	count(t, b, 1)
	g.ForceOpen(node("a"), nil)
	equal(t, "calls of the other", count(t, b, 50)["b:1"], 50)
	g.ForceOpen(node("b"), nil)
	g.Enable(node("a"))
	g.Reset(node("a"))
	equal(t, "calls of the one that is back", count(t, b, 50)["a:1"], 50)

	nodes, _ := manyNodes(500, 0)
	b = NewBalancer(nodes, WithBreakers(g))
	for _, e := range nodes[1:] {
		g.ForceOpen(e.Node(), nil)
	}
	count(t, b, 1)
	if n := bounded.Allocs(100, func() { b.Pick() }); n > 0 {
		t.Errorf("499 of 500 out: %v allocations", n)
	}
}

func BenchmarkPickAmongOpenNodes(b *testing.B) {
	for _, out := range []int{0, 200, 1999} {
		b.Run(fmt.Sprint(out), func(b *testing.B) {
			nodes, w := manyNodes(2000, out)
			balancer := NewBalancer(nodes, withBreakers(w))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := balancer.Pick(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
