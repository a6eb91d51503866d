package main

import (
	"bytes"
	"fmt"
)

// What Client and Server could reach at the most is measured beside them: on the same
// pool, with less and less of what they do.
const (
	muxkitSpawned    = "muxkit-spawn"       // a server that starts a goroutine for each request, and echoes
	muxkitHandClient = "muxkit-hand-client" // the client by hand
	muxkitByHand     = "muxkit-hand"        // client and server by hand
)

// limitEntries are the columns of the table of limits, from the farthest one on.
var limitEntries = []string{muxkitSpawned + withDeadline, muxkitHandClient + withDeadline, muxkitByHand + withDeadline}

// limitCells are measured for it beside the cells of targets.
func limitCells() []Cell {
	return product(named(limitEntries), []string{"tcp"}, []int{128}, callersOfTargets, false)
}

// limitSection sets the targets of Client and Server beside what was reached, and what
// their limits reach.
func limitSection(w *bytes.Buffer, r Results) {
	const client = muxkitClient + withDeadline
	heads := []string{"against", "target", "`" + client + "`"}
	for _, e := range limitEntries {
		heads = append(heads, "`"+e+"`")
	}
	header(w, append(heads, "of `"+muxkitHandClient+withDeadline+"`", "of `"+muxkitByHand+withDeadline+"`")...)
	for _, t := range targets() {
		if t.Cell.Entry != client {
			continue
		}
		ratio := func(of, to string) string {
			a, b := t.Cell, t.Cell
			a.Entry, b.Entry = of, to
			return figure(ratioOf(r.Records, a, b))
		}
		line := []string{fmt.Sprintf("%s, c=%d", t.Against.Entry, t.Cell.Callers), t.bound(), ratio(client, t.Against.Entry)}
		for _, e := range limitEntries {
			line = append(line, ratio(e, t.Against.Entry))
		}
		row(w, append(line, ratio(client, muxkitHandClient+withDeadline), ratio(client, muxkitByHand+withDeadline))...)
	}
}
