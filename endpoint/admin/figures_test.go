package admin

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/muxkit/muxkit/breaker"
	muxendpoint "github.com/muxkit/muxkit/endpoint"
	"github.com/muxkit/muxkit/muxpool/debug"
	muxtransport "github.com/muxkit/muxkit/transport"
)

// Durations have three figures, and the unit that suits them.
func TestDurationsOfTheLastMinute(t *testing.T) {
	for ms, want := range map[float64]string{
		0.5: "500 µs", 0.999: "999 µs", 1: "1 ms", 1.234: "1.23 ms", 999.4: "999 ms", 1000: "1 s", 2345: "2.35 s", 1_234_567: "1235 s",
	} {
		if got := millis(ms); got != want {
			t.Errorf("%v ms are told as %s, want %s", ms, got, want)
		}
	}
}

// Why a node of a Set is out, and who ends that: an operator's order goes before what the breaker says.
func TestNodesThatAreOut(t *testing.T) {
	now := time.Unix(100, 0)
	tripped, drain := &breaker.OpenError{Reason: breaker.ReasonTripped, RetryAfter: 2340 * time.Millisecond}, &muxendpoint.Drain{Cause: errors.New("reboot")}
	for _, c := range []struct {
		name              string
		st                muxendpoint.NodeStatus
		out, why, returns string
		by                string // whose order it is that no calls come
	}{
		{name: "tripped", st: muxendpoint.NodeStatus{Open: tripped}, out: breaker.ReasonTripped.String(), why: "Tripped by an operator.", returns: "in 2.3s, at 00:01:42"},
		{name: "nobody knows for how long", st: muxendpoint.NodeStatus{Open: &breaker.OpenError{Reason: breaker.ReasonStalled}}, out: breaker.ReasonStalled.String(),
			why: "Calls time out, and it answers nothing at all.", returns: "when a call or a probe reaches it"},
		{name: "drained", st: muxendpoint.NodeStatus{Drain: drain}, out: breaker.ReasonDrained.String(), why: "Drained by an operator: reboot.", returns: "when an operator ends it", by: "reboot"},
		{name: "both", st: muxendpoint.NodeStatus{Open: tripped, Drain: drain}, out: breaker.ReasonTripped.String(), why: "Drained by an operator: reboot. Besides: Tripped by an operator.",
			returns: "when an operator ends it", by: "reboot"},
	} {
		n := newSet(muxendpoint.SetStats{Nodes: []muxendpoint.NodeStatus{c.st}}, now).Nodes[0]
		if got := n.returns(now); n.Out != c.out || n.Why != c.why || got != c.returns {
			t.Errorf("%s: out %q, %q, returns %q; want %q, %q, %q", c.name, n.Out, n.Why, got, c.out, c.why, c.returns)
		}
		by := ""
		if n.Drained != nil {
			by = n.Drained.By
		}
		if by != c.by || by != "" && n.Returns != nil {
			t.Errorf("%s: drained by %q, returns at %v; want %q", c.name, by, n.Returns, c.by)
		}
	}
}

// Since when a breaker is held open is told once, in UTC, and of no other order.
func TestSinceWhenABreakerIsHeldOpen(t *testing.T) {
	since := time.Unix(100, 0).In(time.FixedZone("east", 7200))
	for want, st := range map[string]breaker.Status{
		"Held open by an operator: reboot. Since 1970-01-01 00:01:40.":    {Mode: breaker.ForcedOpen, Reason: breaker.ReasonForcedOpen, Ordered: since, Cause: errors.New("reboot")},
		"Held open by an operator at 10.0.0.9 since 1970-01-01 00:01:40.": {Mode: breaker.ForcedOpen, Reason: breaker.ReasonForcedOpen, Ordered: since, Cause: &order{"10.0.0.9", since}},
		"Let pass unjudged by an operator.":                               {Mode: breaker.Disabled, Reason: breaker.ReasonDisabled, Ordered: since},
	} {
		if got := newGroup("", []breaker.Status{st}, time.Unix(100, 0)).Nodes[0].Why; got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// Methods are in order: a breaker's of their services and names, a Service's of their names.
func TestMethodsAreInOrder(t *testing.T) {
	n := newGroup("", []breaker.Status{{Methods: []breaker.MethodStatus{{Scope: "b", Method: "x"}, {Scope: "a", Method: "y"}, {Scope: "a", Method: "x"}}}}, time.Now()).Nodes[0]
	if m := n.Methods; m[0].Service != "a" || m[0].Method != "x" || m[1].Method != "y" || m[2].Service != "b" {
		t.Errorf("%+v", m)
	}
	stats := muxtransport.ServiceStats{Methods: map[string]muxtransport.MethodStats{}}
	for i := range 20 {
		stats.Methods[fmt.Sprintf("m%02d", i)] = muxtransport.MethodStats{}
	}
	for i, m := range newService("shop", "serving", stats).Methods {
		if want := fmt.Sprintf("m%02d", i); m.Method != want {
			t.Errorf("method %d is %s, want %s", i, m.Method, want)
		}
	}
}

// What happened twice is told so, and the first attempt as one; of reason and error what there is.
func TestRowsOfEvents(t *testing.T) {
	for _, c := range []struct {
		e    event
		want []string // times, node, what, why
	}{
		{event{Count: 1, occasion: occasion{Node: "a", What: "conn down", Reason: "idle"}}, []string{"", "a", "conn down", "idle"}},
		{event{Count: 2, Attempt: 1, Error: "boom", occasion: occasion{Node: "a", What: "dial failed"}}, []string{"2 since 00:00:00.000", "a", "dial failed, attempt 1", "boom"}},
		{event{Count: 2, Error: "boom", occasion: occasion{Node: "a", What: "dial failed", Reason: "refused"}}, []string{"2 since 00:00:00.000", "a", "dial failed", "refused: boom"}},
	} {
		h := history{Events: []event{c.e}}
		if got := h.table().Rows[0].Cells[1:5]; !slices.Equal(got, c.want) {
			t.Errorf("%+v is told as %q, want %q", c.e, got, c.want)
		}
	}
}

// One is told where it is the least that there may be: one node named, one frame queued, one row left out.
func TestOneIsTold(t *testing.T) {
	s := newSet(muxendpoint.SetStats{Named: 1}, time.Now())
	if got := s.table(time.Now()).Notes[0]; !strings.HasPrefix(got, "0 of 1 nodes") {
		t.Errorf("a Set that holds none of one: %q", got)
	}
	p := pool{Page: debug.Page{Nodes: []debug.Node{{Conns: []debug.Conn{{QueuedFrames: 1, QueuedBytes: 7}}}}}}
	if got := p.conns().Rows[0].Cells[6]; got != "1 frames, 7 bytes" {
		t.Errorf("queued: %q", got)
	}
	var b strings.Builder
	(&page{Events: history{Events: make([]event, maxRows+1)}}).writeText(&b)
	if !strings.HasSuffix(b.String(), "\n  and 1 more\n") {
		t.Errorf("the text ends with %q", b.String()[b.Len()-50:])
	}
}

// What looks like markup has its width in the columns of the text.
func TestColumnsOfTextWithMarkup(t *testing.T) {
	var b strings.Builder
	(&page{Events: history{Events: []event{{occasion: occasion{Node: "<b>&amp;", What: "went up"}}, {occasion: occasion{Node: "tcp://a:1", What: "went up"}}}}}).writeText(&b)
	var at []int
	for line := range strings.Lines(b.String()) {
		if i := strings.Index(line, "went up"); i >= 0 {
			at = append(at, i)
		}
	}
	if len(at) != 2 || at[0] != at[1] {
		t.Errorf("the column begins at %v in\n%s", at, &b)
	}
}
