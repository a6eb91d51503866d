package endpoint

import (
	"fmt"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
)

// zoned is a Set whose nodes alternate between two zones, n0 in north, n1 in south, and the Balancer of a method.
func zoned(n int, b *switchboard, opts ...Option) (*Set, *Balancer) {
	s := NewSet(nodesNamed(n, "north", "south"), nil, append([]Option{WithZone("north"), withBreakers(b)}, opts...)...)
	s.EndpointFrom("M", (&shop{}).factory)
	return s, s.methods[0].retry.nodes
}

func numberedNode(i int) muxpool.Node { return node(fmt.Sprint("n", i)) }

// inNorth is the share of n choices that stays in the zone north.
func inNorth(t *testing.T, b *Balancer, n int) float64 {
	t.Helper()
	north := 0
	for address, calls := range count(t, b, n) {
		var i int
		fmt.Sscanf(address, "n%d:1", &i)
		if i%2 == 0 {
			north += calls
		}
	}
	return float64(north) / float64(n)
}

// How many calls stay in the own zone, of ten nodes, by what its nodes are worth.
func TestCallsStayInTheirZoneWhileThatSuffices(t *testing.T) {
	type now struct {
		s     *Set
		b     *switchboard
		north []*member
	}
	out := func(n int) func(t *testing.T, w now) {
		return func(t *testing.T, w now) {
			for _, m := range w.north[:n] {
				w.b.trip(m.node)
			}
		}
	}
	for name, c := range map[string]struct {
		do   func(t *testing.T, w now)
		want float64
	}{
		"all are well":  {func(*testing.T, now) {}, 1},
		"one is out":    {out(1), 1},
		"two are out":   {out(2), 1},
		"three are out": {out(3), 0.98},
		"five are out":  {out(5), 0.7},
		"nine are out":  {out(9), 0.14},
		"all are out":   {out(10), 0},
		"five are drained": {func(t *testing.T, w now) {
			for _, m := range w.north[:5] {
				equal(t, "drained", w.s.Drain(m.node, nil), nil)
			}
		}, 0.7},
		"all are overloaded once": {func(t *testing.T, w now) {
			for _, m := range w.north {
				m.weight.halve()
			}
		}, 0.7},
		"all are overloaded twice, and one is out": {func(t *testing.T, w now) {
			for range 2 {
				for _, m := range w.north {
					m.weight.halve()
				}
				time.Sleep(loadPeriod)
			}
			out(1)(t, w)
		}, 0.25 * 0.9 * 1.4},
		"two are out, and three begin": {func(t *testing.T, w now) {
			for _, m := range w.north[2:5] {
				w.s.cfg.start(m, time.Now())
			}
			out(2)(t, w)
		}, (5 + 3./16) / 10 * 1.4},
		"those elsewhere are out as well": {func(t *testing.T, w now) {
			out(8)(t, w)
			for _, m := range w.s.order {
				if !m.near.Load() {
					w.b.trip(m.node)
				}
			}
		}, 1},
	} {
		for _, p := range policies {
			t.Run(name+", "+p.String(), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					b := newSwitchboard()
					s, balancer := zoned(20, b, WithPolicy(p))
					defer s.Close()
					w := now{s: s, b: b}
					for _, m := range s.order {
						if m.near.Load() {
							w.north = append(w.north, m)
						}
					}
					equal(t, "at first", inNorth(t, balancer, 100), 1)
					c.do(t, w)
					if got := inNorth(t, balancer, 4000); math.Abs(got-c.want) > 0.04 || c.want == 1 && got < 1 {
						t.Errorf("%.3f of the calls stay, want %.3f", got, c.want)
					}
					if told := s.Stats().Methods[0].InZone; math.Abs(told-c.want) > 0.01 {
						t.Errorf("%.3f is told", told)
					}
				})
			})
		}
	}
}

// What is overloaded is well again after a while, and what begins slowly has begun: time alone brings the
// calls back.
func TestCallsComeBackToTheirZone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewSet(nodesNamed(20, "north", "south"), nil, WithZone("north"))
		defer s.Close()
		s.EndpointFrom("M", nop)
		b := s.methods[0].retry.nodes
		var calls int
		stay := func() float64 { calls++; b.Pick(); return s.methods[0].inZone() }
		equal(t, "at first", stay(), 1)
		if x := b.index.Load(); x.zone.last.Load().until != 0 {
			t.Error("the clock is read while nothing is lacking")
		}
		for range 3 {
			for _, m := range s.order {
				m.weight.halve()
			}
			time.Sleep(loadPeriod)
		}
		last := stay()
		if last > 0.2 {
			t.Fatalf("%v of the calls stay in an overloaded zone", last)
		}
		for last < 1 {
			time.Sleep(healTime / 20)
			now := stay()
			if now < last || calls > 25 {
				t.Fatalf("%v of the calls stay, after %v before", now, last)
			}
			last = now
		}
		time.Sleep(healTime)
		stay()
		if x := b.index.Load(); x.zone.last.Load().until != 0 {
			t.Error("the clock is read when nothing is lacking any more")
		}
	})
}

// Weights that discovery tells count: of two nodes out, the large one matters.
func TestAZonesNodesCountByTheirWeight(t *testing.T) {
	b := newSwitchboard()
	s := NewSet(FixedInstances{{Address: "large:1", Weight: 6, Zone: "north"}, {Address: "a:1", Weight: 2, Zone: "north"}, {Address: "b:1", Weight: 2, Zone: "north"},
		{Address: "c:1", Weight: 1, Zone: "south"}}, nil, WithZone("north"), withBreakers(b))
	defer s.Close()
	s.EndpointFrom("M", nop)
	for open, want := range map[string]float64{"a": 1, "large": 0.4 * 1.4} {
		b.open = newSwitchboard(node(open)).open
		s.methods[0].retry.nodes.Pick()
		if got := s.methods[0].inZone(); math.Abs(got-want) > 0.001 {
			t.Errorf("%s is out: %v of the calls stay, want %v", open, got, want)
		}
	}
}

// Nodes may move to another zone; without any in the own one, and without zones at all, all nodes are alike.
func TestZonesThatDoNotMatter(t *testing.T) {
	r := &register{FixedInstances: nodesNamed(4, "south", "west")}
	s := NewSet(r, nil, WithZone("north"))
	defer s.Close()
	s.EndpointFrom("M", nop)
	b := s.methods[0].retry.nodes
	equal(t, "nodes that are called, of other zones", len(count(t, b, 400)), 4)
	equal(t, "told", s.Stats().Methods[0].InZone, 0)
	r.tell(s, nil, Instance{Address: "n0:1", Zone: "north"}, Instance{Address: "n1:1", Zone: "west"})
	equal(t, "calls of the one that has moved", count(t, b, 100)["n0:1"], 100)
	r.tell(s, nil, Instance{Address: "n0:1", Zone: "north"}, Instance{Address: "n1:1", Zone: "north"})
	equal(t, "nodes that are called, of one zone", len(count(t, b, 400)), 2)
	equal(t, "told", s.Stats().Methods[0].InZone, 1)
	equal(t, "zone", s.Stats().Zone, "north")

	plain := NewSet(discover("a:1", "b:1"), nil, WithZone("north")) // which tells no zones
	defer plain.Close()
	plain.EndpointFrom("M", nop)
	equal(t, "nodes that are called, of no zone", len(count(t, plain.methods[0].retry.nodes, 100)), 2)
}

// What is told of the zone is true before the first call, and when none has come since something changed.
func TestThePartThatStaysIsToldWithoutCalls(t *testing.T) {
	b := newSwitchboard()
	r := &register{FixedInstances: nodesNamed(4, "south", "west")}
	s := NewSet(r, nil, WithZone("north"), withBreakers(b))
	defer s.Close()
	s.EndpointFrom("M", nop)
	stays := func() float64 { return s.Stats().Methods[0].InZone }
	equal(t, "with nodes of other zones alone", stays(), 0)
	r.tell(s, nil, nodesNamed(4, "north", "south")...)
	equal(t, "with nodes of the zone", stays(), 1)
	b.trip(numberedNode(0))
	equal(t, "with one of two out", math.Abs(stays()-0.7) < 0.001, true)
	b.trip(numberedNode(2))
	equal(t, "with both out", stays(), 0)
	if s.methods[0].retry.nodes.index.Load() != nil {
		t.Error("who asked has made the index of calls")
	}
}

// A further attempt stays in the zone, while there is a node where it has not been, and then leaves it.
func TestAFurtherAttemptLeavesTheZoneLast(t *testing.T) {
	for _, p := range policies {
		s, b := zoned(6, newSwitchboard(), WithPolicy(p))
		for range 50 {
			if e, err := b.Pick(numberedNode(0), numberedNode(2)); err != nil || e.Node() != numberedNode(4) {
				t.Fatalf("%v: %v, %v", p, e.Node(), err)
			}
			if e, err := b.Pick(numberedNode(0), numberedNode(2), numberedNode(4)); err != nil || e.Node().Address[1]%2 == 0 {
				t.Fatalf("%v: %v, %v", p, e.Node(), err)
			}
		}
		s.Close()
	}
}

// A key's calls stay in the zone, at one node; if too few take calls there, the same keys always leave it. Weights move none.
func TestKeysKeepToTheirZone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newSwitchboard()
		s, balancer := zoned(20, b)
		defer s.Close()
		const keys = 500
		where := func() (at [keys]muxpool.Node, north int) {
			for i := range at {
				e, err := balancer.pick(nil, affinityOf(fmt.Sprint(i)), nil)
				if err != nil {
					t.Fatal(err)
				}
				at[i] = e.Node()
				if e.member.near.Load() {
					north++
				}
			}
			return at, north
		}
		before, north := where()
		equal(t, "keys in the zone", north, keys)
		for range 5 {
			for _, m := range s.order {
				m.weight.halve()
			}
			time.Sleep(loadPeriod)
		}
		again, _ := where()
		equal(t, "where keys are, when all are overloaded", again, before)
		for i := range 5 {
			b.trip(numberedNode(2 * i))
		}
		half, north := where()
		if share := float64(north) / keys; math.Abs(share-0.7) > 0.06 {
			t.Errorf("%v of the keys stay when half is out", share)
		}
		again, _ = where()
		equal(t, "where keys are, asked again", again, half)
		for i, at := range half {
			if at.Address[1]%2 == 0 && before[i] != at && b.Check(before[i]) == nil {
				t.Errorf("key %d moved from %v to %v within the zone", i, before[i], at)
			}
		}
		var zone tried
		for _, m := range s.order {
			if m.near.Load() {
				zone = append(zone, visit{node: m.node})
			}
		}
		elsewhere := map[muxpool.Node]bool{}
		for range 50 { // a call that has been to all of the zone's nodes
			e, err := balancer.pick(zone, affinityOf("0"), nil)
			if err != nil {
				t.Fatal(err)
			}
			elsewhere[e.Node()] = true
		}
		equal(t, "nodes of other zones where a key's further attempts go", len(elsewhere), 1)
	})
}

// A choice among zones allocates nothing, whatever is lacking.
func TestAChoiceAmongZonesAllocatesNothing(t *testing.T) {
	for _, p := range policies {
		for _, lacking := range []bool{false, true} {
			s := NewSet(nodesNamed(200, "north", "south"), nil, WithZone("north"), WithPolicy(p))
			s.EndpointFrom("M", nop)
			b := s.methods[0].retry.nodes
			if lacking {
				for _, m := range s.order {
					m.weight.halve()
				}
			}
			b.Pick()
			if n := bounded.Allocs(1000, func() { b.Pick() }); n > 0 {
				t.Errorf("%v, lacking %v: %v allocations", p, lacking, n)
			}
			s.Close()
		}
	}
}

// The subset is of the own zone, and a quarter more of the others; of a small zone all, and others instead.
func TestASubsetOfAZone(t *testing.T) {
	for _, c := range []struct{ named, size, near, far int }{{400, 8, 8, 2}, {12, 8, 6, 2}, {4, 8, 2, 2}, {100, 1, 1, 1}, {30, 20, 15, 5}, {30, 12, 12, 3}} {
		s := NewSet(nodesNamed(c.named, "north", "south"), nil, WithZone("north"), WithSubset(c.size, 1))
		near, far := 0, 0
		for _, n := range s.Nodes() {
			if n.Instance.Zone == "north" {
				near++
			} else {
				far++
			}
		}
		equal(t, fmt.Sprintf("%+v: of the zone", c), near, c.near)
		equal(t, fmt.Sprintf("%+v: of others", c), far, c.far)
		s.Close()
	}
}

// When the zone is all out, stand-ins come from the others.
func TestASubsetWhoseZoneIsOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newSwitchboard()
		s, balancer := zoned(60, b, WithSubset(4, 0))
		defer s.Close()
		equal(t, "at first", inNorth(t, balancer, 200), 1)
		for i := 0; i < 60; i += 2 {
			b.trip(numberedNode(i))
		}
		for range 20 {
			equal(t, "when it is out", inNorth(t, balancer, 200), 0)
			time.Sleep(reviewInterval)
			synctest.Wait()
		}
		if got := len(count(t, balancer, 1000)); got != 1+4 {
			t.Errorf("%d nodes of the other zone are called, want the one in reserve and four that stand in", got)
		}
	})
}

func BenchmarkPickInAZone(b *testing.B) {
	for _, nodes := range []int{20, 2000} {
		for _, lacking := range []bool{false, true} {
			b.Run(fmt.Sprintf("nodes=%d/lacking=%v", nodes, lacking), func(b *testing.B) {
				s := NewSet(nodesNamed(nodes, "north", "south"), nil, WithZone("north"))
				defer s.Close()
				s.EndpointFrom("M", nop)
				balancer := s.methods[0].retry.nodes
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					if lacking && i%100000 == 0 {
						s.order[0].weight.halve()
					}
					if _, err := balancer.Pick(); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
