package endpoint

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/kit/sd"

	"github.com/muxkit/muxkit/breaker"
	"github.com/muxkit/muxkit/internal/bounded"
)

// What a Set tells of itself: calls that wait, the nodes, and what became of its budget.
func TestSetStats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := newSwitchboard(node("a"))
		s := NewSet(sd.FixedInstancer{"a:1"}, nil, WithService("things"), withBreakers(out), WithMaxWaiting(7),
			WithRetry(3, 0), WithBudget(NewBudget(0.001, 1)), WithIdempotent(Always))
		defer s.Close()
		f := &shop{}
		f.do = script(&failure{"boom", true}, &failure{"boom", true})
		get := s.EndpointFrom("Get", f.factory)
		ended := make(chan error, 1)
		go func() {
			_, err := get(context.Background(), "x")
			ended <- err
		}()
		synctest.Wait()
		st := s.Stats()
		equal(t, "service", st.Service, "things")
		equal(t, "waiting", st.Waiting, 1)
		equal(t, "at most", st.MaxWaiting, 7)
		equal(t, "nodes", len(st.Nodes), 1)
		if st.Nodes[0].Open == nil {
			t.Error("the node is not told as open")
		}
		out.close(node("a"))
		as[*RetryError](t, bounded.Receive(t, ended)) // one retry has used the budget up, and the next one is refused
		st = s.Stats()
		equal(t, "waiting", st.Waiting, 0)
		equal(t, "budget", st.Budget, BudgetStats{Left: 0, Burst: 1, Spent: 1, Refused: 1})
		if st.Nodes[0].Open != nil {
			t.Error("the node is told as open")
		}
	})
	if got := unbounded.Stats(); !unbounded.withdraw() || got != (BudgetStats{}) {
		t.Errorf("without a budget: %+v", got)
	}
}

// How many nodes discovery names, and what the methods are: in order of their names, and, where zones do not matter, with
// all calls in their own.
func TestWhatASetTellsOfNodesAndMethods(t *testing.T) {
	s := NewSet(discover("a:1", "b:1"), nil)
	defer s.Close()
	for _, name := range []string{"Put", "Get", "Count"} {
		s.EndpointFrom(name, nop)
	}
	st := s.Stats()
	equal(t, "named", st.Named, 2)
	equal(t, "methods", fmt.Sprint(st.Methods), fmt.Sprint([]MethodStatus{{"Count", nil, 1}, {"Get", nil, 1}, {"Put", nil, 1}}))

	subset := NewSet(nodesNamed(3), nil, WithSubset(1, 0))
	defer subset.Close()
	equal(t, "named, one being held", subset.Stats().Named, 3)

	alone := NewSet(nodesNamed(1, "south"), nil, WithZone("north"))
	defer alone.Close()
	alone.EndpointFrom("Get", nop)
	equal(t, "calls that stay, the only node being elsewhere", alone.Stats().Methods[0].InZone, 0)
}

// A Set tells by which factors a node has less than a full weight.
func TestWeightsAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := breaker.NewGroup()
		defer g.Close()
		s := NewSet(FixedInstances{{Address: "a:1", Weight: 100}, {Address: "b:1", Weight: 25}}, nil, WithBreakers(g), WithSlowStart(4*time.Second))
		defer s.Close()
		get := s.EndpointFrom("Get", (&shop{}).factory)
		call := func() {
			if _, err := get(t.Context(), "x"); err != nil {
				t.Error(err)
			}
		}
		told := func(when string, a, b NodeWeight) {
			t.Helper()
			nodes := s.Stats().Nodes
			equal(t, when+", a", nodes[0].Weight, a)
			equal(t, when+", b", nodes[1].Weight, b)
		}
		all, quarter := NodeWeight{1, 1, 1, 1}, NodeWeight{0.25, 1, 1, 0.25}
		told("at first", all, quarter)
		g.Trip(node("b"), nil)
		g.Reset(node("b"))
		call()
		told("b is back", all, NodeWeight{0.015625, 1, 0.0625, 0.25})
		time.Sleep(2 * time.Second)
		told("2 s later", all, NodeWeight{0.1328125, 1, 0.53125, 0.25})
		time.Sleep(2 * time.Second)
		told("4 s later", all, quarter)
		s.order[1].weight.halve()
		told("b was overloaded", all, NodeWeight{0.125, 0.5, 1, 0.25})
		time.Sleep(time.Second)
		told("and is half well", all, NodeWeight{0.1875, 0.75, 1, 0.25})
	})
}
