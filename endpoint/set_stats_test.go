package endpoint

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/go-kit/kit/sd"

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
