package admin

import (
	"fmt"
	"strings"
	"time"
)

// maxAlarms bounds how many nodes the top of the page names.
const maxAlarms = 10

// allWell is what the page says first while there are no alarms.
const allWell = "All is well: no node is out."

// alarms are what the page says first: which nodes are out, why and for how long, in
// sentences. None: all is well.
func (p *page) alarms() (said []string) {
	told := make(map[string]bool)
	var nodes []string
	for i := range p.Sets {
		s := &p.Sets[i]
		out := 0
		for j := range s.Nodes {
			if n := &s.Nodes[j]; n.Out != "" {
				out++
				told[n.Node] = true
				nodes = append(nodes, fmt.Sprintf("%s of %s is out. %s %s", n.Node, title("Set", s.Service), full(n.Why), again(n.Returns, n.returns(p.Time))))
			}
		}
		switch {
		case len(s.Nodes) == 0:
			said = append(said, fmt.Sprintf("%s has no node at all.", title("Set", s.Service)))
		case out == len(s.Nodes):
			said = append(said, fmt.Sprintf("No node of %s takes calls.", title("Set", s.Service)))
		}
	}
	for i := range p.Breakers {
		for j := range p.Breakers[i].Nodes {
			nodes = append(nodes, p.Breakers[i].Nodes[j].alarms(told[p.Breakers[i].Nodes[j].Node], p.Time)...)
		}
	}
	if more := len(nodes) - maxAlarms; more > 0 {
		nodes = append(nodes[:maxAlarms], fmt.Sprintf("And %d more.", more))
	}
	return append(said, nodes...)
}

// alarms tells of a node that calls are meant for, unless that was told, and of its methods.
func (n *breakerNode) alarms(told bool, now time.Time) (said []string) {
	tell := func(what string, c *circuit) {
		line := fmt.Sprintf("%s is %s. %s", what, c.State, full(c.Why))
		if c.Returns != nil {
			line += " " + again(c.Returns, until(c.Returns, now))
		}
		said = append(said, strings.TrimSpace(line))
	}
	if !told && (n.Live || n.Mode != "auto") && n.State != "closed" {
		tell(n.Node, &n.circuit)
	}
	for i := range n.Methods {
		tell(n.Methods[i].Method+" on "+n.Node, &n.Methods[i].circuit)
	}
	return said
}

// again says when something takes calls: at a time it is tried, and is back if that succeeds.
func again(at *time.Time, when string) string {
	if at == nil {
		return "It returns " + when + "."
	}
	return "It is tried again " + when + "."
}

// full makes a reason that is no sentence one.
func full(why string) string {
	if why == "" || strings.HasSuffix(why, ".") {
		return why
	}
	return why + "."
}

// maxOrders bounds how many orders the top of the page tells.
const maxOrders = 3

// orders are what operators did last, in the last minute.
func (p *page) orders() (said []string) {
	for i := range p.Events.Events {
		e := &p.Events.Events[i]
		if a := actionOf(e.What); a != nil && e.By != "" && p.Time.Sub(e.Last) < time.Minute && len(said) < maxOrders {
			said = append(said, fmt.Sprintf("An operator at %s %s %s of %s, %s ago.", e.By, a.did, e.Node, title(e.Of, e.Name), age(p.Time.Sub(e.Last))))
		}
	}
	return said
}
