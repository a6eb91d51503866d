package admin

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/log"

	muxendpoint "github.com/muxkit/muxkit/endpoint"
	"github.com/muxkit/muxkit/muxpool"
)

// joined are errors side by side, of which there may be none.
type joined []error

func (j joined) Error() string   { return fmt.Sprint(len(j), " errors") }
func (j joined) Unwrap() []error { return j }

func TestWhatIsBehindAnError(t *testing.T) {
	refused := errors.New("connection refused")
	endless := errors.New("deep")
	for range 2 * maxDepth {
		endless = fmt.Errorf("more: %w", endless)
	}
	for want, err := range map[string]error{
		"connection refused": refused,
		"the last":           errors.Join(refused, fmt.Errorf("x: %w", errors.New("the last"))),
		"the only one":       joined{errors.New("the only one")},
		"0 errors":           joined{},
		"2 errors":           joined{refused, nil},
	} {
		if got := root(err); got != want {
			t.Errorf("%q is behind %v, want %q", got, err, want)
		}
	}
	if got := root(endless); !strings.HasPrefix(got, "more: ") {
		t.Errorf("%q is behind what has no end", got)
	}
}

func TestSentences(t *testing.T) {
	for want, got := range map[string]string{"Set": title(ofSet, ""), "Set stock": title(ofSet, "stock"), "Service stock": title("Service", "stock"), "Service": title("Service", "")} {
		if got != want {
			t.Errorf("a title is %q, want %q", got, want)
		}
	}
	for why, want := range map[string]string{"": "", "It is away.": "It is away.", "away": "away."} {
		if got := full(why); got != want {
			t.Errorf("%q is %q, want %q", why, got, want)
		}
	}
	since := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for by, want := range map[string]string{"": "Drained by an operator since 2026-01-02 03:04:05.", "10.0.0.9": "Drained by an operator (10.0.0.9) since 2026-01-02 03:04:05."} {
		if got := (&drained{By: by, Since: since}).why(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// The top of the page names as many nodes as it may, and then how many more there are.
func TestAlarmsToTheBound(t *testing.T) {
	for n, want := range map[int]int{0: 1, 1: 2, maxAlarms - 1: maxAlarms, maxAlarms: maxAlarms + 1, maxAlarms + 1: maxAlarms + 2, maxAlarms + 7: maxAlarms + 2} {
		p := page{Sets: []set{{Service: "stock"}}}
		for i := range n {
			p.Sets[0].Nodes = append(p.Sets[0].Nodes, setNode{Node: fmt.Sprint("node ", i), Out: "out", Why: "away"})
		}
		said := p.alarms()
		head, last := "No node of Set stock takes calls.", said[len(said)-1]
		if n == 0 {
			head = "Set stock has no node at all."
		}
		if len(said) != want || said[0] != head || (n > maxAlarms) != (last == fmt.Sprintf("And %d more.", n-maxAlarms)) {
			t.Errorf("%d nodes are out: %q", n, said)
		}
	}
	p := page{Sets: []set{{Nodes: []setNode{{Node: "a", Out: "out"}, {Node: "b"}}}}}
	if said := p.alarms(); len(said) != 1 || !strings.HasPrefix(said[0], "a of Set is out.") {
		t.Errorf("one of two is out: %q", said)
	}
}

// The top of the page tells the last orders, for a minute.
func TestOrdersAreToldForAMinute(t *testing.T) {
	p := page{Time: time.Now()}
	for _, ago := range []time.Duration{time.Second, time.Minute - 1, time.Minute, time.Hour} {
		p.Events.Events = append(p.Events.Events, event{Last: p.Time.Add(-ago), occasion: occasion{Of: "breakers", Node: "a", What: "trip", By: "10.0.0.9"}})
	}
	if said := p.orders(); len(said) != 2 {
		t.Errorf("%q", said)
	}
	for range 2 * maxOrders {
		p.Events.Events = append(p.Events.Events, p.Events.Events[0])
	}
	if said := p.orders(); len(said) != maxOrders {
		t.Errorf("%q", said)
	}
	p.Events.Events = []event{p.Events.Events[0], p.Events.Events[0]}
	p.Events.Events[0].By, p.Events.Events[1].What = "", "opened"
	if said := p.orders(); len(said) != 0 {
		t.Errorf("what no operator did: %q", said)
	}
}

// A node that is drained and not there is shown, and can be acted on.
func TestDrainedNodesThatAreNotThere(t *testing.T) {
	away := muxpool.Node{Network: "tcp", Address: "away:1"}
	s := newSet(muxendpoint.SetStats{Service: "stock", Drains: []muxendpoint.Drain{{Node: away}, {Node: muxpool.Node{Network: "tcp", Address: "here:1"}, Named: true}}}, time.Now())
	if len(s.Away) != 1 || s.Away[0].Node != "tcp://away:1" {
		t.Fatalf("%+v", s.Away)
	}
	rows := s.table(time.Now()).Rows
	if len(rows) != 1 || !rows[0].Ill || rows[0].About != (subject{ofSet, "stock", "tcp://away:1"}) {
		t.Errorf("%+v", rows)
	}
	synctest.Test(t, func(t *testing.T) {
		var instances muxendpoint.Publisher
		set := muxendpoint.NewSet(&instances, nil, muxendpoint.WithService("other"))
		defer set.Close()
		d := newDesk(t, WithSet(set))
		instances.Publish([]muxendpoint.Instance{{Address: nodeA.Address}, {Address: nodeB.Address}})
		synctest.Wait()
		d.do(form("drain", "other", nodeA), "of Set other is out. Drained")
		instances.Publish([]muxendpoint.Instance{{Address: nodeB.Address}})
		time.Sleep(time.Minute)
		if st := set.Stats(); len(st.Drains) != 1 || len(st.Nodes) != 1 {
			t.Errorf("%d of %d are drained", len(st.Drains), len(st.Nodes))
		}
		d.do(form("undrain", "other", nodeA), "Set other")
		if n := len(set.Stats().Drains); n != 0 {
			t.Errorf("%d are drained still", n)
		}
	})
}

func TestAPoolWithoutConnectionsSaysSo(t *testing.T) {
	if table := (&pool{}).conns(); fmt.Sprint(table.Notes) != "[none]" || len(table.Rows) != 0 {
		t.Errorf("%+v", table)
	}
}

// The page is served though the log of its actions panics.
func TestALoggerThatPanics(t *testing.T) {
	a := acting{logger: log.LoggerFunc(func(...any) error { panic("full") })}
	a.log(&actions[0], subject{}, "10.0.0.9")
}
