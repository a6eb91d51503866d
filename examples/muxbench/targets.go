package main

import (
	"fmt"
	"io"
	"math"
	"text/tabwriter"
)

// target is a bound that muxkit is to reach, as a ratio of calls per second
// inside a round or, without Against, as a figure.
type target struct {
	What    string
	Cell    Cell
	Against Cell
	Metric  metric // nil for a ratio
	Bound   float64
	AtMost  bool // Bound is a maximum, not a minimum
}

// The entries of muxkit that targets speak of.
const (
	muxkitConn   = "muxkit"        // GetMuxConn, Write, Read, Close; inline server
	muxkitKeep   = "muxkit-keep"   // the same, answers not released
	muxkitClient = "muxkit-client" // Client and Server, a goroutine per request

	muxkitTimeout       = "muxkit-timeout"        // GetOptions.WithTimeout
	muxkitClientTimeout = "muxkit-client-timeout" // ClientTimeout
	muxkitInline        = "muxkit-inline"         // Client and Server, calls served inline
	muxkitCopied        = "muxkit-client-bytes"   // Client and Server, bodies copied
	muxkitChain         = "muxkit-chain"          // the full chain: Retry, Balancer, breaker
)

// callersOfTargets are the columns of the table of ratios.
var callersOfTargets = []int{8, 64, 512}

// ratioTargets are the rows of that table.
//
// The context of a call is muxkit's own on muxkit's side, as its documentation
// advises, and context.WithTimeout's on the other, which knows no better.
var ratioTargets = []struct {
	entry, against string
	size           int
	bounds         [3]float64
}{
	{muxkitConn, "trpc", 128, [3]float64{1.8, 5.5, 8}},
	{muxkitConn, "trpc-bufio", 128, [3]float64{1.8, 5.5, 8}},
	{muxkitConn, "trpc", 4 << 10, [3]float64{1.6, 4, 3}},
	{muxkitConn, "trpc", 64 << 10, [3]float64{1.3, 1.3, 1.3}},
	{muxkitConn, "raw", 128, [3]float64{1, 4, 9}},
	{muxkitClient, "gokit-grpc", 128, [3]float64{3.7, 10, 18}},
	{muxkitClient, "gokit-http", 128, [3]float64{3.5, 15, 24}},
	{muxkitConn, "netpoll", 128, [3]float64{1.3, 2.7, 2.5}},
	{muxkitConn, "rueidis", 128, [3]float64{1.1, 1.9, 2.7}},
}

// targets lists them all.
func targets() []target {
	var all []target
	for _, row := range ratioTargets {
		for i, callers := range callersOfTargets {
			all = append(all, target{
				What:    fmt.Sprintf("%s / %s, %s, c=%d", row.entry, row.against, sizeName(row.size), callers),
				Cell:    Cell{row.entry + withDeadline, "tcp", row.size, callers, false, 0},
				Against: Cell{row.against, "tcp", row.size, callers, false, 0},
				Bound:   row.bounds[i],
			})
		}
	}
	small := Cell{muxkitConn + withDeadline, "tcp", 128, 512, false, 0}
	many, noContext, kept, nodes := small, small, small, small
	many.Callers = 4096
	nodes.Entry, nodes.Nodes = muxkitConn, pageNodes
	noContext.Entry, kept.Entry = muxkitConn+withoutContexts, muxkitKeep+withoutContexts
	return append(all,
		target{
			What: "muxkit / raw, 128 B, c=1, one core", Bound: 0.8,
			Cell: Cell{muxkitConn + withDeadline, "tcp", 128, 1, true, 0}, Against: Cell{"raw", "tcp", 128, 1, true, 0},
		},
		target{What: "muxkit, 128 B, c=4096 / c=512", Cell: many, Against: small, Bound: 0.6},
		target{What: "allocations per call, released answers", Cell: noContext, Metric: allocs, Bound: 0.1, AtMost: true},
		target{What: "allocations per call, kept answers", Cell: kept, Metric: allocs, Bound: 2.1, AtMost: true},
		target{What: "heap of an idle node, KiB, of 1000 nodes", Cell: nodes, Metric: idleHeap, Bound: 16, AtMost: true},
		target{What: "goroutines of an idle connection, of 1000 nodes", Cell: nodes, Metric: idleGoroutines, Bound: 2, AtMost: true},
	)
}

// reached is the figure; NaN if it was not measured.
func (t target) reached(records []Record) float64 {
	if t.Metric != nil {
		return medianOf(records, t.Cell, t.Metric)
	}
	return ratioOf(records, t.Cell, t.Against)
}

// otherwise is the figure with the deadlines of muxkit's calls given in another way;
// NaN if it was not measured. It is told, and not judged.
func (t target) otherwise(records []Record, way map[string]string) float64 {
	if entry, ok := way[t.Cell.Entry]; ok && t.Metric == nil && t.Cell.Entry != t.Against.Entry {
		t.Cell.Entry = entry
		return t.reached(records)
	}
	return math.NaN()
}

// Which entries differ from those of targets in nothing but where the deadline of a
// call comes from: context.WithTimeout, or the option WithTimeout or ClientTimeout.
var (
	byContext = map[string]string{muxkitConn + withDeadline: muxkitConn, muxkitClient + withDeadline: muxkitClient}
	byOption  = map[string]string{muxkitConn + withDeadline: muxkitTimeout, muxkitClient + withDeadline: muxkitClientTimeout}
)

// verdict is "met", "not met" or "not measured".
func (t target) verdict(reached float64) string {
	switch {
	case math.IsNaN(reached):
		return "not measured"
	case t.AtMost && reached <= t.Bound, !t.AtMost && reached >= t.Bound:
		return "met"
	}
	return "not met"
}

func (t target) bound() string {
	if t.AtMost {
		return fmt.Sprintf("at most %.3g", t.Bound)
	}
	return fmt.Sprintf("%.3g", t.Bound)
}

// targetCells is what must be measured to judge all targets.
func targetCells() []Cell {
	var cells []Cell
	for _, t := range targets() {
		std, option := t.Cell, t.Cell
		std.Entry, option.Entry = byContext[t.Cell.Entry], byOption[t.Cell.Entry]
		for _, c := range []Cell{t.Cell, t.Against, std, option} {
			if _, err := findEntry(c.Entry); err == nil {
				cells = append(cells, c)
			}
		}
	}
	return mergeLoads(append(cells, limitCells()...))
}

// printTargets writes the table of targets.
func printTargets(w io.Writer, records []Record) {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "row\ttarget\treached\t\tcontext.WithTimeout\tby option")
	for _, t := range targets() {
		reached := t.reached(records)
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\t%s\n", t.What, t.bound(), figure(reached), t.verdict(reached),
			figure(t.otherwise(records, byContext)), figure(t.otherwise(records, byOption)))
	}
	tw.Flush()
}

// figure writes a number with three digits, "-" for NaN.
func figure(f float64) string {
	switch {
	case math.IsNaN(f):
		return "-"
	case math.Abs(f) >= 100:
		return fmt.Sprintf("%.0f", f)
	case math.Abs(f) >= 10:
		return fmt.Sprintf("%.1f", f)
	}
	return fmt.Sprintf("%.2f", f)
}
