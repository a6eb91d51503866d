package admin

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/muxkit/muxkit/breaker"
	"github.com/muxkit/muxkit/muxpool"
)

var nodeA, nodeB = muxpool.Node{Network: "tcp", Address: "a:1"}, muxpool.Node{Network: "tcp", Address: "b:1"}

// lines writes events as their times and what they say.
func (h *history) lines() string {
	var b strings.Builder
	for _, e := range h.Events {
		fmt.Fprintf(&b, "%d..%d x%d %s %s %s %d %s\n", e.First.Unix(), e.Last.Unix(), e.Count, e.Node, e.What, e.Reason, e.Attempt, e.Error)
	}
	return strings.TrimSpace(b.String())
}

func TestFolding(t *testing.T) {
	type ev = muxpool.Event
	at := func(second int64, e ev) ev { e.Time = time.Unix(second, 0); return e }
	failed := func(n muxpool.Node, attempt int, err string) ev {
		return ev{Kind: muxpool.DialFailed, Node: n, Reason: muxpool.ReasonDialFailed, Attempt: attempt, Err: errors.New(err)}
	}
	up := func(n muxpool.Node) ev { return ev{Kind: muxpool.ConnUp, Node: n} }
	for _, c := range []struct {
		name   string
		events []ev
		want   string // the newest first
	}{
		{"none", nil, ""},
		{"what repeats is one line, of the last error", []ev{at(1, failed(nodeA, 1, "x")), at(2, failed(nodeA, 2, "y")), at(3, failed(nodeA, 3, "z"))},
			"1..3 x3 tcp://a:1 dial failed dial failed 3 z"},
		{"whatever is between", []ev{at(1, failed(nodeA, 1, "x")), at(2, failed(nodeB, 1, "x")), at(3, up(nodeB)), at(4, failed(nodeA, 2, "x"))},
			"1..4 x2 tcp://a:1 dial failed dial failed 2 x\n3..3 x1 tcp://b:1 conn up  0 \n2..2 x1 tcp://b:1 dial failed dial failed 1 x"},
		{"not after a minute of quiet", []ev{at(1, up(nodeA)), at(60, up(nodeA)), at(119, up(nodeA)), at(179, up(nodeA))},
			"179..179 x1 tcp://a:1 conn up  0 \n1..119 x3 tcp://a:1 conn up  0"},
		{"not of another connection", []ev{at(1, up(nodeA)), at(2, ev{Kind: muxpool.ConnUp, Node: nodeA, Bulk: true})},
			"2..2 x1 tcp://a:1 conn up, bulk  0 \n1..1 x1 tcp://a:1 conn up  0"},
		{"not for another reason", []ev{at(1, ev{Kind: muxpool.ConnDown, Node: nodeA, Reason: muxpool.ReasonIdle}), at(2, ev{Kind: muxpool.ConnDown, Node: nodeA, Reason: muxpool.ReasonStalled})},
			"2..2 x1 tcp://a:1 conn down stalled 0 \n1..1 x1 tcp://a:1 conn down idle 0"},
	} {
		h := &events{max: 10}
		for _, e := range c.events {
			h.ofPool("p")(e)
		}
		if got := h.told(); got.lines() != c.want || got.LetGo != 0 {
			t.Errorf("%s:\n%s\nwant\n%s", c.name, got.lines(), c.want)
		}
	}
}

func TestChangesOfBreakers(t *testing.T) {
	h := &events{max: 10}
	ch := breaker.Change{Node: nodeA, Scope: "stock", From: breaker.Closed, To: breaker.Open, Reason: breaker.ReasonSlowCalls, Time: time.Unix(1, 0), Cause: errors.New("2 s")}
	h.ofBreakers("x")(ch)
	ch.Method = "Get"
	h.ofBreakers("x")(ch)
	ch.Method, ch.Observed = "", true
	h.ofBreakers("x")(ch)
	ch.Observed = false
	h.ofBreakers("y")(ch)
	h.ofBreakers("x")(ch)
	got := h.told()
	if got.lines() != "1..1 x2 tcp://a:1 closed to open slow calls 0 2 s\n1..1 x1 tcp://a:1 closed to open slow calls 0 2 s\n"+
		"1..1 x1 tcp://a:1 closed to open, observed slow calls 0 2 s\n1..1 x1 tcp://a:1 closed to open slow calls 0 2 s" {
		t.Errorf("%s", got.lines())
	}
	if rows := got.table().Rows; rows[3].Cells[3] != "Get: closed to open" || rows[3].Cells[5] != "breakers x, stock" {
		t.Errorf("%v", rows[3])
	}
}

// What is heard of late stands where it belongs.
func TestNewestFirst(t *testing.T) {
	h := &events{max: 10}
	for _, second := range []int64{3, 1, 2} {
		h.ofPool("")(muxpool.Event{Kind: muxpool.ConnUp, Node: muxpool.Node{Network: "tcp", Address: fmt.Sprint(second)}, Time: time.Unix(second, 0)})
	}
	if got := h.told(); got.Events[0].Node != "tcp://3" || got.Events[1].Node != "tcp://2" || got.Events[2].Node != "tcp://1" {
		t.Errorf("%s", got.lines())
	}
}

// The ring is bounded, and what is lost is told, as what the pool did not deliver.
func TestLossIsTold(t *testing.T) {
	h := &events{max: 3}
	for i := range 5 {
		n := muxpool.Node{Network: "tcp", Address: fmt.Sprint(i)}
		for range i + 1 {
			h.ofPool("")(muxpool.Event{Kind: muxpool.ConnUp, Node: n, Lost: i, Time: time.Unix(int64(i), 0)})
		}
	}
	got := h.told()
	if len(got.Events) != 3 || got.Events[0].Node != "tcp://4" || got.Events[2].Node != "tcp://2" || got.LetGo != 1+2 || got.NotHeard != 2+6+12+20 {
		t.Errorf("%+v", got)
	}
	notes := strings.Join(got.table().Notes, "\n")
	if !strings.Contains(notes, "3 events of before were let go") || !strings.Contains(notes, "40 events were not heard") {
		t.Errorf("%q", notes)
	}
}

// What an operator has done is told, and nothing that was not heard.
func TestWhatAnOperatorDidIsTold(t *testing.T) {
	h := &events{max: 3}
	h.ofOperator(subject{ofBreakers, "shop", "tcp://4"}, "trip", "somebody", time.Unix(4, 0))
	got := h.told()
	want := occasion{Of: ofBreakers, Name: "shop", Node: "tcp://4", What: "trip", By: "somebody"}
	if len(got.Events) != 1 || got.Events[0].occasion != want || !got.Events[0].Last.Equal(time.Unix(4, 0)) || got.NotHeard != 0 || got.LetGo != 0 {
		t.Errorf("%+v, want %+v", got, want)
	}
}
