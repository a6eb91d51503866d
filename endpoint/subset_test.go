package endpoint

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/kit/endpoint"
	"github.com/go-kit/kit/sd"

	"github.com/muxkit/muxkit/muxpool"
)

// nodesNamed are n instances, and their zones in turn.
func nodesNamed(n int, zones ...string) (f FixedInstances) {
	for i := range n {
		in := Instance{Address: fmt.Sprintf("n%d:1", i)}
		if len(zones) > 0 {
			in.Zone = zones[i%len(zones)]
		}
		f = append(f, in)
	}
	return f
}

// heldBy tells who is in the subset, and who stands in.
func heldBy(s *Set) (home, standIns []muxpool.Node) {
	for _, n := range s.Nodes() {
		if n.StandIn {
			standIns = append(standIns, n.Node)
		} else {
			home = append(home, n.Node)
		}
	}
	return home, standIns
}

// A Set makes and keeps the nodes of its subset, and no others.
func TestASetHoldsItsSubset(t *testing.T) {
	d := discover(fleetOf(100, 1)...)
	s := NewSet(d, nil, WithSubset(8, 3))
	defer s.Close()
	f := &shop{}
	ep := s.EndpointFrom("M", f.factory)
	equal(t, "made", len(f.made), 8)
	equal(t, "nodes", len(s.Nodes()), 8)
	equal(t, "named", s.Stats().Named, 100)
	callEach(t, ep, 8)

	home, _ := heldBy(s)
	without := slices.DeleteFunc(fleetOf(100, 1), func(a string) bool { return a == home[2].Address })
	d.now(s, without...)
	equal(t, "made, when one has left", len(f.made), 9)
	equal(t, "closed", f.closes(), home[2].Address)
	equal(t, "nodes", len(s.Nodes()), 8)
	callEach(t, ep, 8)

	d.now(s, append(without, home[2].Address)...)
	again, _ := heldBy(s)
	equal(t, "held, when it is back", fmt.Sprint(again), fmt.Sprint(home))

	d.now(s) // nobody: what is held is kept
	d.fails(s, errors.New("away"))
	again, _ = heldBy(s)
	equal(t, "held, when discovery is away", fmt.Sprint(again), fmt.Sprint(home))
	d.now(s, fleetOf(100, 1)...)
	equal(t, "made in the end", len(f.made), 10)
	d.now(s, "only:1")
	equal(t, "nodes, of one", addresses(s), "only:1")
}

// Several spellings of a node are one, and what is none is left out.
func TestASubsetCountsEachNodeOnce(t *testing.T) {
	s := NewSet(sd.FixedInstancer{"a.example:1", "A.example.:1", "tcp://a.example:01", "b:1", "none", "c:1"}, nil, WithSubset(2, 0))
	defer s.Close()
	equal(t, "named", s.Stats().Named, 3)
	equal(t, "held", len(s.Nodes()), 2)
	s = NewSet(sd.FixedInstancer{"none", "none either"}, nil, WithSubset(2, 0), WithoutWait())
	defer s.Close()
	_, err := s.EndpointFrom("M", nop)(t.Context(), nil)
	mustBe(t, err, ErrInstance)
}

// For nodes that are out others stand in, until they are back.
func TestOthersStandInForNodesThatAreOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newSwitchboard()
		s := NewSet(nodesNamed(30), nil, WithSubset(4, 0), withBreakers(b))
		defer s.Close()
		f := &shop{}
		ep := s.EndpointFrom("M", f.factory)
		home, _ := heldBy(s)
		calls := func(when string, n int) {
			t.Helper()
			for range n {
				answer, err := ep(t.Context(), "x")
				if err != nil {
					t.Fatalf("%s: %v", when, err)
				}
				_, from, _ := strings.Cut(answer.(string), "from ")
				if b.Check(muxpool.Node{Network: "tcp", Address: from}) != nil {
					t.Fatalf("%s: a node that is out was called", when)
				}
			}
			time.Sleep(reviewInterval)
			synctest.Wait()
		}
		see := func(when string, standIns int) []muxpool.Node {
			t.Helper()
			nowHome, in := heldBy(s)
			equal(t, when+": the subset", fmt.Sprint(nowHome), fmt.Sprint(home))
			equal(t, when+": stand-ins", len(in), standIns)
			return in
		}
		calls("at first", 1)
		see("at first", 0)
		b.trip(home[0])
		calls("one is out", 1) // which takes a second
		first := see("one is out", 1)
		b.trip(home[1:]...)
		calls("all are out", 1)
		see("all are out", 4)
		b.trip(first...)
		calls("one that stands in is out", 1)
		if in := see("one that stands in is out", 4); slices.Contains(in, first[0]) {
			t.Error("it stands in still")
		}
		b.close(home[:3]...)
		calls("three are back", 1)
		see("three are back", 1)
		equal(t, "drained", s.Drain(home[1], nil), nil)
		time.Sleep(reviewInterval)
		see("one is drained", 2) // without a call
		equal(t, "undrained", s.Undrain(home[1]), nil)
		b.close(home[3])
		calls("all are back", 1)
		see("all are back", 0)
		for _, n := range s.Nodes() {
			equal(t, "holds of "+n.Node.Address, b.holds(n.Node), 1)
		}
		held := 0
		for _, n := range b.held {
			held += n
		}
		equal(t, "holds", held, 4)
	})
}

// A client whose nodes are all out, and then those that stand in, finds the one node that is well, and never
// holds more than twice its subset.
func TestAClientFindsTheNodeThatIsWell(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n, size = 60, 4
		b := newSwitchboard()
		s := NewSet(nodesNamed(n), nil, WithSubset(size, 0), withBreakers(b))
		defer s.Close()
		most := 0
		f := &shop{}
		ep := s.EndpointFrom("M", func(instance string) (endpoint.Endpoint, io.Closer, error) {
			most = max(most, len(s.Nodes()))
			return f.factory(instance)
		})
		home, _ := heldBy(s)
		for i := range n {
			b.trip(numberedNode(i))
		}
		s.mu.Lock()
		well := s.subset.ordered[n-3].node
		s.mu.Unlock()
		b.close(well)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		began := time.Now()
		answer, err := ep(ctx, "x")
		if err != nil || answer != "x from "+well.Address {
			t.Fatal(answer, err)
		}
		t.Logf("%d of %d nodes are out: the one that is well was found after %v", n-1, n, time.Since(began))
		if most > 2*size {
			t.Errorf("%d nodes were held", most)
		}
		b.trip(well)
		short, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		_, err = ep(short, "x")
		as[*AllOpenError](t, err)
		if held := len(s.Nodes()); held > 2*size {
			t.Errorf("%d nodes are held when all are out", held)
		}
		b.close(well, home[1])
		if _, err := ep(t.Context(), "x"); err != nil {
			t.Error(err)
		}
	})
}

// A node of which nothing can be made is no node of the subset's.
func TestOthersStandInForANodeOfWhichNothingCanBeMade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewSet(nodesNamed(10), nil, WithSubset(2, 0), WithKeepNodes(0, 0))
		defer s.Close()
		home, _ := heldBy(s)
		f := &shop{}
		ep := s.EndpointFrom("M", func(instance string) (endpoint.Endpoint, io.Closer, error) {
			if instance == home[0].String() || instance == home[1].String() {
				return nil, nil, errors.New("no")
			}
			return f.factory(instance)
		})
		if _, err := ep(t.Context(), "x"); err != nil {
			t.Fatal(err)
		}
		_, in := heldBy(s)
		equal(t, "stand-ins", len(in), 2)
	})
}

// A key goes to one of the subset, whichever nodes stand in: those would take keys of all.
func TestStandInsTakeNoKeysOfOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newSwitchboard()
		s := NewSet(nodesNamed(30), nil, WithSubset(4, 0), withBreakers(b))
		defer s.Close()
		ep := s.EndpointFrom("M", (&shop{}).factory)
		home, _ := heldBy(s)
		where := func() (at []any) {
			for i := range 200 {
				answer, err := ep(WithCallOptions(t.Context(), CallKey(fmt.Sprint(i))), "x")
				if err != nil {
					t.Fatal(err)
				}
				at = append(at, answer)
			}
			return at
		}
		before := where()
		b.trip(home[0])
		where()
		synctest.Wait() // the first time at once
		_, in := heldBy(s)
		equal(t, "stand-ins", len(in), 1)
		for i, at := range where() {
			if was := before[i]; was != "x from "+home[0].Address && at != was {
				t.Fatalf("key %d moved from %v to %v", i, was, at)
			}
		}
		b.trip(home...)
		where() // and if there is nobody else, they take all
	})
}

// Over services and a pool in memory: both nodes of the subset are stopped under load.
func TestASubsetThatDiesLosesNoCall(t *testing.T) {
	villagers(t, nodesNamed(12), func(t *testing.T, h *household) {
		stops := map[string]func(){}
		for i := range 12 {
			a := fmt.Sprintf("n%d:1", i)
			stops[a] = h.serve(a, h.methods)
		}
		ep := h.set.Endpoint("Echo", echoClient(h.pool))
		defer func() {
			for _, stop := range stops {
				stop()
			}
		}()
		call := func(n int) {
			t.Helper()
			for range n {
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
				if _, err := ep(ctx, []byte("x")); err != nil {
					t.Fatal(err)
				}
				cancel()
				time.Sleep(time.Millisecond)
			}
		}
		call(20)
		home, _ := heldBy(h.set)
		equal(t, "nodes with connections", len(h.pool.Stats().Nodes), 2)
		for _, n := range home {
			stops[n.Address]()
		}
		call(200)
		time.Sleep(2 * reviewInterval) // one may have been found out later than the other
		_, in := heldBy(h.set)
		equal(t, "stand-ins", len(in), 2)
		for _, n := range home {
			stops[n.Address] = h.serve(n.Address, h.methods)
		}
		call(4000)
		again, in := heldBy(h.set)
		equal(t, "the subset", fmt.Sprint(again), fmt.Sprint(home))
		equal(t, "stand-ins when it is back", len(in), 0)
	}, WithSubset(2, 0), WithRetry(3, 0), WithIdempotent(Always))
}

func TestSubsetOptions(t *testing.T) {
	for _, o := range []Option{WithSubset(-1, 0), WithSubset(1, -1), WithHashedSubset(-1, "")} {
		s := NewSet(sd.FixedInstancer{"a:1"}, nil, o)
		mustBe(t, s.Err(), ErrInvalidOption)
	}
	s := NewSet(nodesNamed(9), nil, WithHashedSubset(3, "x"), WithSubset(0, 0))
	defer s.Close()
	equal(t, "all", len(s.Nodes()), 9)
	hashed := NewSet(nodesNamed(9), nil, WithHashedSubset(0, ""))
	defer hashed.Close()
	equal(t, "all, hashed", len(hashed.Nodes()), 9)
	ids := map[string]bool{}
	for range 20 {
		s := NewSet(nodesNamed(9), nil, WithHashedSubset(3, ""))
		ids[addresses(s)] = true
		s.Close()
	}
	if len(ids) < 2 {
		t.Error("ids by chance are all the same")
	}
}

// BenchmarkSubsetEvent is what an event costs a Set with a subset, from the Instancer's send until it was followed.
func BenchmarkSubsetEvent(b *testing.B) {
	for _, nodes := range []int{1000, 2000} {
		lists := [][]string{fleetOf(nodes, 1), fleetOf(nodes, 2)}
		for change, lists := range map[string][][]string{"nothing": lists[:1], "one node": lists} {
			b.Run(fmt.Sprintf("nodes=%d/%s", nodes, change), func(b *testing.B) {
				d, s := bigSet(b, nodes, 1, WithSubset(20, 7))
				d.now(s, lists[0]...)
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					d.now(s, lists[i%len(lists)]...)
				}
				b.StopTimer()
				s.Close()
			})
		}
	}
}
