package main

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/muxkit/muxkit/breaker"
	"github.com/muxkit/muxkit/muxpool"
)

// row is what the table shows of one node.
type row struct {
	node     muxpool.Node
	conns    int
	inFlight int
	answered int64
	failed   int64
	state    breaker.State
	reason   breaker.Reason
	retry    time.Duration // while open: until a probe
}

// rows asks the pool, the breakers and the ledger.
func rows(c *client) []row {
	pool := make(map[muxpool.Node]muxpool.NodeStats)
	for _, n := range c.pool.Stats().Nodes {
		pool[n.Node] = n
	}
	var all []row
	for _, n := range c.ledger.sorted() {
		st, _ := c.breakers.StatusOf(n)
		a := c.ledger.of(n)
		all = append(all, row{node: n, conns: len(pool[n].Conns), inFlight: pool[n].InFlight, answered: a.answered.Load(),
			failed: a.failed.Load(), state: st.State, reason: st.Reason, retry: st.RetryAfter})
	}
	return all
}

// render makes the lines of a table.
func render(headline string, rows []row) []string {
	var b strings.Builder
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "NODE\tCONNS\tIN FLIGHT\tANSWERED\tFAILED\tBREAKER\tREASON")
	for _, r := range rows {
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%d\t%s\t%s\n", r.node.Address, r.conns, r.inFlight,
			r.answered, r.failed, r.state, r.why())
	}
	_ = t.Flush() // a strings.Builder never fails
	lines := []string{headline}
	for line := range strings.Lines(b.String()) {
		lines = append(lines, "  "+strings.TrimRight(line, " \n"))
	}
	return lines
}

// why is the reason for which a node is out, and until when.
func (r row) why() string {
	switch {
	case r.state == breaker.Closed:
		return ""
	case r.state == breaker.Open && r.retry > 0:
		return fmt.Sprintf("%s, probe in %.1f s", r.reason, r.retry.Seconds())
	}
	return r.reason.String()
}
