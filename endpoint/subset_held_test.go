package endpoint

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/kit/endpoint"
	"github.com/go-kit/kit/sd"
	"github.com/go-kit/log"

	"github.com/muxkit/muxkit/breaker"
	"github.com/muxkit/muxkit/muxpool"
)

// troupe is a Set of four of thirty nodes, and a method.
type troupe struct {
	*testing.T
	*discovery
	b    *switchboard
	set  *Set
	out  bytes.Buffer
	ep   endpoint.Endpoint
	home []muxpool.Node
}

func newTroupe(t *testing.T) *troupe {
	c := &troupe{T: t, discovery: discover(fleetOf(30, 1)...), b: newSwitchboard()}
	c.set = NewSet(c.discovery, log.NewLogfmtLogger(&c.out), WithSubset(4, 0), withBreakers(c.b))
	c.ep = c.set.EndpointFrom("M", (&shop{}).factory)
	c.home, _ = heldBy(c.set)
	return c
}

// notices has a call notice what is out, after a time, and returns who stands in then.
func (c *troupe) notices(after time.Duration) []muxpool.Node {
	c.Helper()
	time.Sleep(after)
	if _, err := c.ep(c.Context(), "x"); err != nil {
		c.Error(err)
	}
	synctest.Wait()
	_, in := heldBy(c.set)
	return in
}

// Who stands in changes once a second, and is told in the log.
func TestStandInsChangeOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTroupe(t)
		defer c.set.Close()
		c.b.trip(c.home[0])
		equal(t, "stand-ins for the first one", len(c.notices(0)), 1)
		c.b.trip(c.home[1])
		equal(t, "stand-ins, the second one being out just now", len(c.notices(reviewInterval/2)), 1)
		time.Sleep(reviewInterval / 2)
		synctest.Wait()
		_, in := heldBy(c.set)
		equal(t, "stand-ins a second after the first", len(in), 2)
		settle(c.set)
		for _, want := range []string{"nodes=4 stand_ins=1", "nodes=4 stand_ins=2"} {
			if strings.Count(c.out.String(), want) != 1 {
				t.Errorf("%q is not told once:\n%s", want, c.out.String())
			}
		}
	})
}

// Who has stood in does so the next time, and a list that is the same moves nobody: not back to one that was out.
func TestStandInsStay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTroupe(t)
		defer c.set.Close()
		c.b.trip(c.home[0])
		first := c.notices(0)
		c.b.close(c.home[0])
		equal(t, "stand-ins when it is back", len(c.notices(reviewInterval)), 0)
		c.b.trip(c.home[0])
		again := c.notices(reviewInterval)
		equal(t, "who stands in again", fmt.Sprint(again), fmt.Sprint(first))
		c.b.trip(first...)
		second := c.notices(reviewInterval)
		if len(second) != 1 || second[0] == first[0] {
			t.Fatalf("%v stands in for %v", second, first)
		}
		c.now(c.set, fleetOf(30, 1)...)
		_, in := heldBy(c.set)
		equal(t, "who stands in after the same list", fmt.Sprint(in), fmt.Sprint(second))
	})
}

// Who stood in, and is of the subset since another has left, is one of it as any.
func TestAStandInMayJoinTheSubset(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTroupe(t)
		defer c.set.Close()
		c.b.trip(c.home[0])
		first := c.notices(0)
		c.now(c.set, slices.DeleteFunc(fleetOf(30, 1), func(a string) bool { return a == c.home[1].Address })...)
		home, in := heldBy(c.set)
		if len(first) != 1 || !slices.Contains(home, first[0]) || len(home) != 4 || len(in) != 1 {
			t.Errorf("%v stood in; then the subset is %v, and %v stand in", first, home, in)
		}
	})
}

// A subset of one looks through the nodes as well: it does not go to and fro between two that are out.
func TestASubsetOfOneFindsTheNodeThatIsWell(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 8
		b := newSwitchboard()
		s := NewSet(nodesNamed(n), nil, WithSubset(1, 0), withBreakers(b))
		defer s.Close()
		ep := s.EndpointFrom("M", (&shop{}).factory)
		for i := range n {
			b.trip(numberedNode(i))
		}
		s.mu.Lock()
		well := s.subset.ordered[n-2].node
		s.mu.Unlock()
		b.close(well)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		answer, err := ep(ctx, "x")
		equal(t, "answer", fmt.Sprint(answer, err), "x from "+well.Address+"<nil>")
	})
}

// A Set that has dropped its nodes holds none, whatever somebody notices, and the same ones when they are named again.
func TestASubsetThatWasDroppedIsHeldAgain(t *testing.T) {
	d := discover(fleetOf(20, 1)...)
	s := NewSet(d, nil, WithSubset(3, 0), WithKeepNodes(DropAtOnce, DropAtOnce))
	defer s.Close()
	home := addresses(s)
	d.now(s)
	s.reviewSoon()
	settle(s)
	equal(t, "held when none is named", addresses(s), "")
	equal(t, "named then", s.Stats().Named, 0)
	d.now(s, fleetOf(20, 1)...)
	equal(t, "held again", addresses(s), home)
	equal(t, "named again", s.Stats().Named, 20)
}

// What the user's parser refused, and takes now, may be of the subset.
func TestANodeThatWasRefusedMayJoinTheSubset(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refused := true
		d := discover("a:1", "b:1")
		s := NewSet(d, nil, WithSubset(2, 0), WithNodeParser(func(instance string) (muxpool.Node, error) {
			if instance == "b:1" && refused {
				return muxpool.Node{}, errors.New("not yet")
			}
			return ParseNode(instance)
		}))
		defer s.Close()
		equal(t, "held at first", addresses(s), "a:1")
		refused = false
		d.now(s, "a:1", "b:1")
		equal(t, "held then", addresses(s), "a:1 b:1")
	})
}

// inZone counts the nodes of a zone that a Set holds.
func inZone(s *Set, zone string) (n int) {
	for _, st := range s.Nodes() {
		if st.Instance.Zone == zone {
			n++
		}
	}
	return n
}

// When nodes have moved to another zone the subset is of those that are in the own one.
func TestASubsetFollowsNodesIntoTheirZone(t *testing.T) {
	r := &register{FixedInstances: nodesNamed(12, "north", "south")}
	s := NewSet(r, nil, WithZone("north"), WithSubset(4, 0))
	defer s.Close()
	equal(t, "of the zone at first", inZone(s, "north"), 4)
	r.tell(s, nil, nodesNamed(12, "south", "north")...)
	equal(t, "of the zone then", inZone(s, "north"), 4)
	equal(t, "of the other", inZone(s, "south"), 1)
}

// Clients hold different nodes of other zones, too.
func TestClientsHoldDifferentNodesOfOtherZones(t *testing.T) {
	far := map[muxpool.Node]bool{}
	for client := range 10 {
		s := NewSet(nodesNamed(40, "north", "south"), nil, WithZone("north"), WithSubset(4, client))
		for _, st := range s.Nodes() {
			if st.Instance.Zone == "south" {
				far[st.Node] = true
			}
		}
		s.Close()
	}
	if len(far) != 10 { // twenty nodes, and ten clients of the first ring with one each
		t.Errorf("ten clients hold %d of the other zone's nodes", len(far))
	}
}

// Who stands in is none of those that are held already, in whichever zone, also when a list comes.
func TestWhoStandsInIsNotHeldAlready(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newSwitchboard()
		r := &register{FixedInstances: nodesNamed(60, "north", "south")}
		s := NewSet(r, nil, WithZone("north"), WithSubset(4, 0), withBreakers(b))
		defer s.Close()
		s.EndpointFrom("M", nop)
		held := func(when string, standIns int) {
			t.Helper()
			home, in := heldBy(s)
			equal(t, "the subset "+when, len(home), 4+1)
			equal(t, "stand-ins "+when, len(in), standIns)
		}
		held("at first", 0)
		for _, st := range s.Nodes() {
			if st.Instance.Zone == "north" {
				b.trip(st.Node)
				break
			}
		}
		count(t, s.methods[0].retry.nodes, 1)
		synctest.Wait()
		held("while one is out", 1)
		r.tell(s, nil, nodesNamed(59, "north", "south")...)
		held("after a list", 1)
	})
}

// A node that would be tried out stays out, and another in its place, until it has shown that it is well.
func TestOthersStandInUntilANodeHasShownThatItIsWell(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := breaker.NewGroup(breaker.WithoutJitter(), breaker.WithoutProbe(), breaker.WithEjectionTime(5*time.Second, time.Minute))
		defer g.Close()
		s := NewSet(sd.FixedInstancer(fleetOf(9, 1)), nil, WithSubset(2, 0), WithBreakers(g), WithPolicy(RoundRobin))
		defer s.Close()
		ep := s.EndpointFrom("M", (&shop{}).factory)
		calls := func(n int) int { // and how many stand in then
			t.Helper()
			for range n {
				if _, err := ep(t.Context(), "x"); err != nil {
					t.Error(err)
				}
				synctest.Wait()
			}
			_, in := heldBy(s)
			return len(in)
		}
		home, _ := heldBy(s)
		equal(t, "stand-ins at first", calls(1), 0)
		g.Trip(home[0], nil)
		equal(t, "stand-ins while it is out", calls(1), 1)
		time.Sleep(5 * time.Second)
		synctest.Wait()
		equal(t, "stand-ins before it is tried out", calls(1), 1) // which others do for a call that can not be repeated
		time.Sleep(trialTime)
		equal(t, "stand-ins when it has answered", calls(60), 0)
	})
}
