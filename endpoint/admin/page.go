package admin

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/muxkit/muxkit/breaker"
	muxendpoint "github.com/muxkit/muxkit/endpoint"
	"github.com/muxkit/muxkit/muxpool/debug"
)

// page is what is shown, and the JSON of it. Its texts are fit to be shown.
type page struct {
	Time     time.Time `json:"time"`
	Sets     []set     `json:"sets"`
	Breakers []group   `json:"breakers"`
	Pools    []pool    `json:"pools"`
	Services []service `json:"services"`
	Events   history   `json:"events"`
}

// pool is what muxpool/debug shows of a pool.
type pool struct {
	Name string `json:"name"`
	debug.Page
}

// set is a Set.
type set struct {
	Service    string      `json:"service"`
	Zone       string      `json:"zone,omitempty"`  // the own one
	Named      int         `json:"named,omitempty"` // how many nodes discovery names, of which these are held; 0: they are all
	Waiting    int         `json:"waiting"`
	MaxWaiting int         `json:"max_waiting"`
	Budget     budget      `json:"budget"`
	Nodes      []setNode   `json:"nodes"` // those first that are out
	Methods    []setMethod `json:"methods"`
	Away       []drained   `json:"drained_away"` // nodes that are to be drained when discovery names them again
}

// budget is muxendpoint.BudgetStats.
type budget struct {
	Left    float64 `json:"left"`
	Burst   float64 `json:"burst"`
	Spent   uint64  `json:"spent"`
	Refused uint64  `json:"refused"`
}

// setNode is a node of a Set.
type setNode struct {
	Node     string     `json:"node"`
	Zone     string     `json:"zone,omitempty"`
	StandIn  bool       `json:"stand_in,omitempty"` // it is held for one of the subset that takes no calls
	InFlight int        `json:"in_flight"`
	Weight   weight     `json:"weight"`
	Out      string     `json:"out,omitempty"`     // why it takes no call, in a word; empty: it does
	Why      string     `json:"why,omitempty"`     // the same as a sentence
	Returns  *time.Time `json:"returns,omitempty"` // when it may take one again; nil: nobody knows
	Error    string     `json:"error,omitempty"`   // behind Out
	Minute   *minute    `json:"minute,omitempty"`  // attempts; nil: not measured
	Drained  *drained   `json:"drained,omitempty"` // it gets no new calls, by an operator's order
}

// drained is muxendpoint.Drain.
type drained struct {
	Node  string    `json:"node"`
	Since time.Time `json:"since"`
	By    string    `json:"by,omitempty"` // whose order it is, if it was given on this page; else its cause
}

// why is the order as a sentence.
func (d *drained) why() string {
	by := ""
	if d.By != "" {
		by = " (" + d.By + ")"
	}
	return fmt.Sprintf("Drained by an operator%s since %s.", by, d.Since.Format(time.DateTime))
}

func newDrained(d *muxendpoint.Drain) *drained {
	if d == nil {
		return nil
	}
	return &drained{clean(d.Node.String()), d.Since.UTC(), orderedBy(d.Cause)}
}

// setMethod is muxendpoint.MethodStatus.
type setMethod struct {
	Method string   `json:"method"`
	Minute *minute  `json:"minute,omitempty"`  // calls; nil: not measured
	InZone *float64 `json:"in_zone,omitempty"` // the part of them that stays in the own zone; nil: zones do not matter
}

// weight is muxendpoint.NodeWeight, and what discovery says.
type weight struct {
	Share     float64 `json:"share"`
	Load      float64 `json:"load"`
	SlowStart float64 `json:"slow_start"`
	Discovery float64 `json:"discovery"`
	Told      uint32  `json:"told"` // by discovery; 0: nothing
}

func newSet(s muxendpoint.SetStats, now time.Time) set {
	shown := set{Service: clean(s.Service), Waiting: s.Waiting, MaxWaiting: s.MaxWaiting, Nodes: make([]setNode, 0, len(s.Nodes)), Methods: []setMethod{}, Away: []drained{},
		Budget: budget{float64(s.Budget.Left), float64(s.Budget.Burst), uint64(s.Budget.Spent), uint64(s.Budget.Refused)}}
	if shown.Zone = clean(s.Zone); s.Named > len(s.Nodes) {
		shown.Named = s.Named
	}
	for _, m := range s.Methods {
		method := setMethod{Method: clean(m.Method), Minute: newMinute(m.Minute)}
		if s.Zone != "" {
			method.InZone = &m.InZone
		}
		shown.Methods = append(shown.Methods, method)
	}
	for _, n := range s.Nodes {
		w := n.Weight
		node := setNode{Node: clean(n.Node.String()), Zone: clean(n.Instance.Zone), StandIn: n.StandIn, InFlight: n.InFlight, Minute: newMinute(n.Minute),
			Weight: weight{w.Share, w.Load, w.SlowStart, w.Discovery, n.Instance.Weight}}
		if open := (*breaker.OpenError)(nil); errors.As(n.Open, &open) {
			node.Out, node.Returns, node.Error = open.Reason.String(), after(now, open.RetryAfter), cause(open.Cause)
			node.Why = sentence(open.Reason, open.Cause)
		} else if n.Open != nil {
			node.Out = cause(n.Open)
			node.Why = node.Out
		}
		if node.Drained = newDrained(n.Drain); n.Drain != nil {
			if node.Why = sentence(breaker.ReasonDrained, n.Drain.Cause) + also(node.Why); node.Out == "" {
				node.Out = breaker.ReasonDrained.String()
			}
			node.Returns = nil
		}
		shown.Nodes = append(shown.Nodes, node)
	}
	for i := range s.Drains {
		if d := &s.Drains[i]; !d.Named {
			shown.Away = append(shown.Away, *newDrained(d))
		}
	}
	slices.SortStableFunc(shown.Nodes, func(a, b setNode) int { return first(a.Out != "", b.Out != "") })
	return shown
}

// group is a group of breakers.
type group struct {
	Name  string        `json:"name"`
	Nodes []breakerNode `json:"nodes"` // those first that are not closed
}

// breakerNode is breaker.Status.
type breakerNode struct {
	Node      string     `json:"node"`
	Service   string     `json:"service,omitempty"` // whose state it is
	Mode      string     `json:"mode"`
	Ordered   *time.Time `json:"ordered,omitempty"` // since when Mode is another than auto
	Live      bool       `json:"live"`              // calls may be meant for it; else it is only remembered
	Observed  bool       `json:"observed,omitempty"`
	Ejections int        `json:"ejections"`
	circuit
	Methods []breakerMethod `json:"methods,omitempty"` // that are out
	Totals  totals          `json:"totals"`
}

// circuit is the state of a breaker.
type circuit struct {
	State   string     `json:"state"`
	Reason  string     `json:"reason,omitempty"`
	Error   string     `json:"error,omitempty"`
	Why     string     `json:"why,omitempty"` // both as a sentence
	Since   *time.Time `json:"since,omitempty"`
	Returns *time.Time `json:"returns,omitempty"`
}

type breakerMethod struct {
	Service string `json:"service,omitempty"`
	Method  string `json:"method"`
	circuit
}

// totals are those of breaker.Totals that tell of calls.
type totals struct {
	Successes uint64 `json:"successes"`
	Failures  uint64 `json:"failures"`
	Neutral   uint64 `json:"neutral"`
	Refused   uint64 `json:"refused"`
}

func newGroup(name string, all []breaker.Status, now time.Time) group {
	g := group{Name: name, Nodes: make([]breakerNode, 0, len(all))}
	for i := range all {
		st := &all[i]
		n := breakerNode{Node: clean(st.Node.String()), Service: clean(st.Scope), Mode: st.Mode.String(), Ordered: at(st.Ordered), Live: st.Live, Observed: st.Observed,
			Ejections: st.Ejections, circuit: newCircuit(st.State, st.Reason, st.Cause, st.Since, st.RetryAfter, now),
			Totals: totals{st.Totals.Successes, st.Totals.Failures, st.Totals.Neutral, st.Totals.Refused}}
		if o := (*order)(nil); st.Mode == breaker.ForcedOpen && n.Ordered != nil && !errors.As(st.Cause, &o) { // else it says so
			n.Why += " Since " + n.Ordered.Format(time.DateTime) + "."
		}
		for _, m := range st.Methods {
			n.Methods = append(n.Methods, breakerMethod{clean(m.Scope), clean(m.Method), newCircuit(m.State, m.Reason, m.Cause, m.Since, m.RetryAfter, now)})
		}
		slices.SortStableFunc(n.Methods, func(a, b breakerMethod) int {
			return cmp.Or(cmp.Compare(a.Service, b.Service), cmp.Compare(a.Method, b.Method))
		})
		g.Nodes = append(g.Nodes, n)
	}
	slices.SortStableFunc(g.Nodes, func(a, b breakerNode) int { return first(!a.well(), !b.well()) })
	return g
}

// well reports whether calls of all methods pass and are judged.
func (n *breakerNode) well() bool {
	return n.State == breaker.Closed.String() && n.Mode == breaker.Auto.String() && len(n.Methods) == 0
}

func newCircuit(state breaker.State, reason breaker.Reason, err error, since time.Time, left time.Duration, now time.Time) circuit {
	c := circuit{State: state.String(), Error: cause(err), Returns: after(now, left)}
	if reason != breaker.ReasonNone {
		c.Reason, c.Why = reason.String(), sentence(reason, err)
	}
	c.Since = at(since)
	return c
}

// at is a time as it is shown; nil if it is zero.
func at(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// after is the time that is so far away; nil if nobody knows how far.
func after(now time.Time, left time.Duration) *time.Time {
	if left <= 0 {
		return nil
	}
	return at(now.Add(left))
}

// first orders those before others of whom something is true.
func first(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}
