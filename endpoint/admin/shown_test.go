package admin

import (
	"errors"
	"strings"
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

// A limit is shown where there is one, and refusals where there are any.
func TestTheTableOfAService(t *testing.T) {
	s := newService("shop", "serving", muxtransport.ServiceStats{InFlight: 3, Limits: muxtransport.ServiceLimits{MaxConns: 7}, Refused: muxtransport.RefusedStats{Bytes: 1}})
	notes := strings.Join(s.table().Notes, "\n")
	for _, want := range []string{"connections: 0 of 7,", "calls in flight: 3,", "\nrefused: "} {
		if !strings.Contains(notes, want) {
			t.Errorf("no %q in\n%s", want, notes)
		}
	}
	s = newService("shop", "serving", muxtransport.ServiceStats{})
	if notes := s.table().Notes; len(notes) != 2 {
		t.Errorf("of a Service that refuses nothing: %q", notes)
	}
}
