package admin

import (
	"fmt"
	"strings"
	"time"

	"github.com/muxkit/muxkit/breaker"
)

// table is what HTML and plain text show of a part of the page.
type table struct {
	Title string
	Notes []string
	Head  []string
	Rows  []row
	More  int // rows that are not shown
}

type row struct {
	Ill   bool // it wants to be seen
	Cells []string
	About subject // whom it is about, for actions; zero: nobody
}

// maxRows bounds a table.
const maxRows = 500

func (t *table) add(ill bool, cells ...any) {
	if len(t.Rows) == maxRows {
		t.More++
		return
	}
	r := row{Ill: ill, Cells: make([]string, len(cells))}
	for i, c := range cells {
		r.Cells[i] = fmt.Sprint(c)
	}
	t.Rows = append(t.Rows, r)
}

// about says whom the row that was added last is about.
func (t *table) about(who subject) {
	if t.More == 0 {
		t.Rows[len(t.Rows)-1].About = who
	}
}

// tables are the page for people.
func (p *page) tables() (all []table) {
	for i := range p.Sets {
		all = append(all, p.Sets[i].table(p.Time), p.Sets[i].methods())
	}
	for i := range p.Breakers {
		all = append(all, p.Breakers[i].table(p.Time))
	}
	for i := range p.Pools {
		all = append(all, p.Pools[i].nodes(), p.Pools[i].conns())
	}
	for i := range p.Services {
		all = append(all, p.Services[i].table())
	}
	return append(all, p.Events.table())
}

func (s *set) table(now time.Time) table {
	t := table{Title: title("Set", s.Service), Head: []string{"node", "state", "returns", "in flight", "weight", "last minute", "zone", "why"}}
	out := 0
	for i := range s.Nodes {
		n := &s.Nodes[i]
		state := "takes calls"
		if n.Out != "" {
			out++
			state = "out: " + n.Out
		}
		if n.StandIn {
			state += ", stands in"
		}
		t.add(n.Out != "", n.Node, state, n.returns(now), n.InFlight, n.Weight, n.Minute, n.Zone, n.Why)
		t.about(subject{ofSet, s.Service, n.Node})
	}
	for _, d := range s.Away {
		t.add(true, d.Node, "not there, to be drained", "when an operator ends it", "", "", "", "", d.why())
		t.about(subject{ofSet, s.Service, d.Node})
	}
	nodes := fmt.Sprint(len(s.Nodes))
	if s.Named > 0 {
		nodes += fmt.Sprint(" of ", s.Named)
	}
	t.Notes = []string{
		fmt.Sprintf("%s nodes, %d out; %d of at most %d calls wait for a node", nodes, out, s.Waiting, s.MaxWaiting),
		fmt.Sprintf("retries: %.0f of %.0f left, %d made, %d not made for want of budget", s.Budget.Left, s.Budget.Burst, s.Budget.Spent, s.Budget.Refused),
	}
	if s.Zone != "" {
		t.Notes = append(t.Notes, "own zone: "+s.Zone+s.leaving())
	}
	return t
}

// leaving tells which calls do not all stay in the own zone.
func (s *set) leaving() (text string) {
	for _, m := range s.Methods {
		if m.InZone != nil && *m.InZone < 1 {
			text += fmt.Sprintf("; %.3g%% of %s's calls stay there", 100**m.InZone, m.Method)
		}
	}
	return text
}

func (s *set) methods() table {
	t := table{Title: title("Methods of Set", s.Service), Head: []string{"method", "last minute", "outcomes"}}
	for _, m := range s.Methods {
		var outcomes string
		if m.Minute != nil {
			outcomes = counts(m.Minute.Outcomes)
		}
		t.add(false, m.Method, m.Minute, outcomes)
	}
	if len(s.Methods) == 0 {
		t.Notes = []string{"none"}
	}
	return t
}

// String tells the effective weight, and those of its factors that lessen it.
func (w weight) String() string {
	percent := func(part float64) string { return fmt.Sprintf("%.3g%%", 100*part) }
	var factors []string
	for _, f := range []struct {
		name string
		part float64
	}{{"load", w.Load}, {"slow start", w.SlowStart}, {"discovery", w.Discovery}} {
		if f.part < 1 {
			factors = append(factors, f.name+" "+percent(f.part))
		}
	}
	if factors == nil {
		return percent(w.Share)
	}
	return percent(w.Share) + " (" + strings.Join(factors, ", ") + ")"
}

func (g *group) table(now time.Time) table {
	t := table{Title: title("Breakers", g.Name), Head: []string{"node", "state", "since", "returns", "ejections", "calls good/bad/neutral/refused", "why", "cause"}}
	ill := 0
	for i := range g.Nodes {
		n := &g.Nodes[i]
		if !n.well() {
			ill++
		}
		state := n.State
		for _, mark := range []struct {
			word string
			is   bool
		}{{n.Mode, n.Mode != "auto"}, {"observed only", n.Observed}, {"remembered only", !n.Live}} {
			if mark.is {
				state += ", " + mark.word
			}
		}
		k := n.Totals
		t.add(!n.well(), n.Node, state, ago(n.Since, now), until(n.Returns, now), n.Ejections,
			fmt.Sprintf("%d/%d/%d/%d", k.Successes, k.Failures, k.Neutral, k.Refused), n.why(n.Service), n.Error)
		t.about(subject{ofBreakers, g.Name, n.Node})
		for _, m := range n.Methods {
			t.add(true, n.Node+" "+m.Method, m.State, ago(m.Since, now), until(m.Returns, now), "", "", m.why(m.Service), m.Error)
		}
	}
	t.Notes = []string{fmt.Sprintf("%d nodes, %d not well", len(g.Nodes), ill)}
	return t
}

// returns tells when a node that is out may take calls again.
func (n *setNode) returns(now time.Time) string {
	switch {
	case n.Out == "":
		return ""
	case n.Returns != nil:
		return until(n.Returns, now)
	case n.Drained != nil, n.Out == breaker.ReasonForcedOpen.String():
		return "when an operator ends it"
	}
	return "when a call or a probe reaches it"
}

// why is the reason for a state, its cause, and whose it is.
func (c *circuit) why(service string) string {
	why := c.Why
	if why != "" && service != "" {
		why += " (" + service + ")"
	}
	return why
}

func (h *history) table() table {
	t := table{Title: "Events", Head: []string{"time", "times", "node", "what", "why", "of"}}
	for i := range h.Events {
		e := &h.Events[i]
		when, times, what, of := clock(e.Last), "", e.What, title(e.Of, e.Name)
		if e.Count > 1 {
			times = fmt.Sprintf("%d since %s", e.Count, clock(e.First))
		}
		if e.Method != "" {
			what = e.Method + ": " + what
		}
		if e.Attempt > 0 {
			what += fmt.Sprintf(", attempt %d", e.Attempt)
		}
		if e.Service != "" {
			of += ", " + e.Service
		}
		if e.By != "" {
			what += ", by an operator at " + e.By
		}
		t.add(false, when, times, e.Node, what, because(e.Reason, e.Error), of)
	}
	if len(h.Events) == 0 {
		t.Notes = append(t.Notes, "none")
	}
	if h.LetGo > 0 {
		t.Notes = append(t.Notes, fmt.Sprintf("%d events of before were let go", h.LetGo))
	}
	if h.NotHeard > 0 {
		t.Notes = append(t.Notes, fmt.Sprintf("%d events were not heard: they came too fast", h.NotHeard))
	}
	return t
}

// title is what a part is, and its name.
func title(what, name string) string {
	if what == ofSet {
		what = "Set"
	}
	if name == "" {
		return what
	}
	return what + " " + name
}

func because(reason, err string) string {
	if reason != "" && err != "" {
		return reason + ": " + err
	}
	return reason + err
}

func clock(t time.Time) string { return t.Format("15:04:05.000") }

func until(at *time.Time, now time.Time) string {
	if at == nil {
		return ""
	}
	return fmt.Sprintf("in %v, at %s", at.Sub(now).Round(100*time.Millisecond), at.Format(time.TimeOnly))
}

func ago(at *time.Time, now time.Time) string {
	if at == nil {
		return ""
	}
	return age(now.Sub(*at))
}

// age is a duration as people say it.
func age(d time.Duration) string {
	if d < time.Minute {
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}
