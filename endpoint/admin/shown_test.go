package admin

import (
	"errors"
	"testing"
	"time"

	muxendpoint "github.com/muxkit/muxkit/endpoint"
	muxtransport "github.com/muxkit/muxkit/transport"
)

// A node that is out by a check other than the breaker's is shown with what that says.
func TestANodeThatAnotherCheckKeepsOut(t *testing.T) {
	s := newSet(muxendpoint.SetStats{Nodes: []muxendpoint.NodeStatus{{Open: errors.New("in another room")}}}, time.Now())
	if n := s.Nodes[0]; n.Out != "in another room" || n.Error != "" {
		t.Errorf("shown as out %q, error %q", n.Out, n.Error)
	}
}

// A Service without a limit of workers has none that are busy.
func TestWorkersAreShownWhereTheyAreLimited(t *testing.T) {
	for workers, want := range map[int]int{0: 4, 1: 5} {
		s := newService("shop", "serving", muxtransport.ServiceStats{Limits: muxtransport.ServiceLimits{Workers: workers}})
		if len(s.Gauges) != want {
			t.Errorf("%d workers: gauges %v", workers, s.Gauges)
		}
	}
}

// Who has heard of everything has missed nothing.
func TestAPageOfNothing(t *testing.T) {
	h, err := New()
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	if e := h.page(time.Now()).Events; e.NotHeard != 0 || e.LetGo != 0 || len(e.Events) != 0 {
		t.Errorf("%+v", e)
	}
}
