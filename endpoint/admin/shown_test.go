package admin

import (
	"bytes"
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
	if n := s.Nodes[0]; n.Out != "in another room" || n.Why != "in another room" || n.Error != "" {
		t.Errorf("shown as out %q, why %q, error %q", n.Out, n.Why, n.Error)
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

// A table without a row has its notes, and others follow it.
func TestTablesBehindAnEmptyOne(t *testing.T) {
	p := &page{Sets: []set{newSet(muxendpoint.SetStats{}, time.Now())}, Services: []service{newService("shop", "serving", muxtransport.ServiceStats{})}}
	var text bytes.Buffer
	if err := p.write(&text, view{format: asText}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"\nSet\n  0 nodes", "\nMethods of Set\n  none\n", "\nService shop\n  serving\n", "\nEvents\n  none\n"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("no %q in\n%s", want, &text)
		}
	}
	if strings.Contains(text.String(), "NODE") {
		t.Errorf("a table without a row has a head:\n%s", &text)
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

// A Set that holds a subset says of how many, and who stands in; one that prefers its zone, which calls leave it.
func TestSubsetsAndZonesAreShown(t *testing.T) {
	stats := muxendpoint.SetStats{Named: 1000, Zone: "north", Nodes: []muxendpoint.NodeStatus{{}, {StandIn: true}},
		Methods: []muxendpoint.MethodStatus{{Method: "Get", InZone: 0.7}, {Method: "Put", InZone: 1}}}
	s := newSet(stats, time.Now())
	table := s.table(time.Now())
	notes := strings.Join(table.Notes, "\n")
	for _, want := range []string{"2 of 1000 nodes, 0 out", "own zone: north; 70% of Get's calls stay there"} {
		if !strings.Contains(notes, want) {
			t.Errorf("no %q in\n%s", want, notes)
		}
	}
	if strings.Contains(notes, "Put") {
		t.Errorf("Put's calls stay, and are told of in\n%s", notes)
	}
	for i, want := range []string{"takes calls", "takes calls, stands in"} {
		if got := table.Rows[i].Cells[1]; got != want {
			t.Errorf("node %d is shown as %q, want %q", i, got, want)
		}
	}
	stats.Named, stats.Zone = 2, ""
	plain := newSet(stats, time.Now())
	if s := plain.table(time.Now()); strings.Contains(strings.Join(s.Notes, " "), "zone") || plain.Named != 0 || plain.Methods[0].InZone != nil {
		t.Errorf("without either: %v", s.Notes)
	}
}

// A table without rows hides none of those behind it.
func TestTextOfTablesWithoutRows(t *testing.T) {
	var b strings.Builder
	(&page{Sets: []set{{Service: "stock"}}, Events: history{Events: []event{{occasion: occasion{Node: "tcp://a:1"}}}}}).writeText(&b)
	for _, want := range []string{"\nSet stock\n", "\nMethods of Set stock\n", "\nEvents\n", "tcp://a:1"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
}
