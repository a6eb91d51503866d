package report

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/muxkit/muxkit/examples/muxbench/harness"
)

// idleMetric is a figure of an idle client of many nodes, of one of what per
// counts; NaN of other records.
func idleMetric(figure func(harness.Footprint) float64, per func(harness.Record) int) harness.Metric {
	return func(r harness.Record) float64 {
		if r.Idle == nil || per(r) == 0 {
			return math.NaN()
		}
		return figure(*r.Idle) / float64(per(r))
	}
}

func perConnection(r harness.Record) int { return r.Idle.Sockets }
func perNode(r harness.Record) int       { return r.Nodes }
func perProcess(harness.Record) int      { return 1 }

var (
	idleHeap       = idleMetric(func(f harness.Footprint) float64 { return float64(f.Heap) / 1024 }, perNode)
	idleGoroutines = idleMetric(func(f harness.Footprint) float64 { return float64(f.Goroutines) }, perConnection)
)

var idleColumns = []column{
	{"connections per node", idleMetric(func(f harness.Footprint) float64 { return float64(f.Sockets) }, perNode)},
	{"goroutines per connection", idleGoroutines},
	{"heap per node, KiB", idleHeap},
	{"stacks per node, KiB", idleMetric(func(f harness.Footprint) float64 { return float64(f.Stacks) / 1024 }, perNode)},
	{"RSS per node, KiB", idleMetric(func(f harness.Footprint) float64 { return float64(f.RSS) / 1024 }, perNode)},
	{"CPU, ms per s", idleMetric(func(f harness.Footprint) float64 { return f.CPU.Seconds() * 1e3 }, perProcess)},
}

var nodeColumns = []column{
	{"thousand calls/s", thousandCalls},
	{"p50, ms", harness.P50Millis},
	{"p99, ms", harness.P99Millis},
	{"client's CPU, s per 100k", func(r harness.Record) float64 { return harness.PerCall(r.Client.CPU.Seconds()*1e5, r) }},
	{"server's CPU, s per 100k", func(r harness.Record) float64 { return harness.PerCall(r.Server.CPU.Seconds()*1e5, r) }},
	{"objects per call", harness.Allocs},
}

// nodesSection shows clients of many nodes, idle and under load.
func nodesSection(w *bytes.Buffer, r harness.Results) {
	records := slices.DeleteFunc(slices.Clone(r.Records), func(rec harness.Record) bool { return rec.Nodes == 0 })
	for _, n := range sorted(harness.Distinct(records, func(r harness.Record) int { return r.Nodes })) {
		of := slices.DeleteFunc(slices.Clone(records), func(rec harness.Record) bool { return rec.Nodes != n })
		fmt.Fprintf(w, "%d nodes, each called once, then idle: what the client holds, and uses\n\n", n)
		header(w, append([]string{""}, heads(idleColumns)...)...)
		for _, e := range inOrder(harness.Distinct(of, func(r harness.Record) string { return r.Entry })) {
			row(w, append([]string{"`" + e + "`"}, figures(of, e, idleColumns)...)...)
		}
		fmt.Fprintf(w, "\n%d nodes under load\n\n", n)
		header(w, append([]string{"", ""}, heads(nodeColumns)...)...)
		for _, c := range sorted(harness.Distinct(of, func(r harness.Record) int { return r.Callers })) {
			load := slices.DeleteFunc(slices.Clone(of), func(rec harness.Record) bool { return rec.Callers != c })
			for _, e := range inOrder(harness.Distinct(load, func(r harness.Record) string { return r.Entry })) {
				row(w, append([]string{nodeLoad(c, n), "`" + e + "`"}, figures(load, e, nodeColumns)...)...)
			}
		}
		w.WriteByte('\n')
	}
}

// PrintNodes writes the same as text.
func PrintNodes(w io.Writer, r harness.Results) {
	var section bytes.Buffer
	nodesSection(&section, r)
	fmt.Fprintf(w, "\n%s", &section)
}

func nodeLoad(callers, nodes int) string {
	switch {
	case callers < nodes:
		return fmt.Sprintf("%d callers, each from node to node", callers)
	case callers == nodes:
		return "1 caller at each node"
	}
	return fmt.Sprintf("%d callers at each node", callers/nodes)
}

func heads(columns []column) []string {
	all := make([]string, len(columns))
	for i, c := range columns {
		all[i] = c.head
	}
	return all
}

// figures are an entry's medians over all of the records that are its.
func figures(records []harness.Record, entry string, columns []column) []string {
	all := make([]string, len(columns))
	for i, c := range columns {
		var values []float64
		for _, r := range records {
			if r.Entry == entry && r.Err == "" {
				values = append(values, c.metric(r))
			}
		}
		all[i] = strings.TrimSpace(figure(harness.Median(values)))
	}
	return all
}
