package report

import (
	"bytes"
	"fmt"

	"github.com/muxkit/muxkit/examples/muxbench/contenders"
	"github.com/muxkit/muxkit/examples/muxbench/harness"
)

// limitEntries are the columns of the table of limits, from the farthest one on.
var limitEntries = []string{contenders.MuxkitSpawned + harness.WithDeadline, contenders.MuxkitHandClient + harness.WithDeadline, contenders.MuxkitByHand + harness.WithDeadline}

// limitCells are measured for it beside the cells of targets.
func limitCells() []harness.Cell {
	return Product(named(limitEntries), []string{"tcp"}, []int{128}, callersOfTargets, false)
}

// limitSection sets the targets of Client and Server beside what was reached, and what
// their limits reach.
func limitSection(w *bytes.Buffer, r harness.Results) {
	const client = contenders.MuxkitClient + harness.WithDeadline
	heads := []string{"against", "target", "`" + client + "`"}
	for _, e := range limitEntries {
		heads = append(heads, "`"+e+"`")
	}
	header(w, append(heads, "of `"+contenders.MuxkitHandClient+harness.WithDeadline+"`", "of `"+contenders.MuxkitByHand+harness.WithDeadline+"`")...)
	for _, t := range targets() {
		if t.Cell.Entry != client || t.Metric != nil { // latencies and large answers were not measured for the limits
			continue
		}
		ratio := func(of, to string) string {
			a, b := t.Cell, t.Cell
			a.Entry, b.Entry = of, to
			return figure(harness.RatioOf(r.Records, a, b, harness.CallsPerSecond))
		}
		line := []string{fmt.Sprintf("%s, c=%d", t.Against.Entry, t.Cell.Callers), t.bound(), ratio(client, t.Against.Entry)}
		for _, e := range limitEntries {
			line = append(line, ratio(e, t.Against.Entry))
		}
		row(w, append(line, ratio(client, contenders.MuxkitHandClient+harness.WithDeadline), ratio(client, contenders.MuxkitByHand+harness.WithDeadline))...)
	}
}
