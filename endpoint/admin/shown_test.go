package admin

import (
	"errors"
	"slices"
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
	s := newService("shop", "serving", muxtransport.ServiceStats{InFlight: 3, Limits: muxtransport.ServiceLimits{MaxConns: 1}, Refused: muxtransport.RefusedStats{Bytes: 1}})
	notes := strings.Join(s.table().Notes, "\n")
	for _, want := range []string{"connections: 0 of 1,", "calls in flight: 3,", "\nrefused: "} {
		if !strings.Contains(notes, want) {
			t.Errorf("no %q in\n%s", want, notes)
		}
	}
	s = newService("shop", "serving", muxtransport.ServiceStats{})
	if notes := s.table().Notes; len(notes) != 2 {
		t.Errorf("of a Service that refuses nothing: %q", notes)
	}
}

// A table of events says that there are none, and of which it does not know.
func TestTheTableOfEvents(t *testing.T) {
	for name, row := range map[string]struct {
		h    history
		want []string
	}{
		"none":       {history{}, []string{"none"}},
		"one":        {history{Events: []event{{}}}, nil},
		"one let go": {history{Events: []event{{}}, LetGo: 1}, []string{"1 events of before were let go"}},
		"not heard":  {history{Events: []event{{}}, NotHeard: 1}, []string{"1 events were not heard: they came too fast"}},
	} {
		if got := row.h.table().Notes; !slices.Equal(got, row.want) {
			t.Errorf("%s: %q, want %q", name, got, row.want)
		}
	}
}

// Ages are told as finely as one reads them.
func TestAges(t *testing.T) {
	for d, want := range map[time.Duration]string{
		1249 * time.Millisecond: "1.2s", time.Minute - 1: "1m0s", time.Minute: "1m0s", 90*time.Second + 499*time.Millisecond: "1m30s",
	} {
		if got := age(d); got != want {
			t.Errorf("%v is told as %s, want %s", d, got, want)
		}
	}
}
