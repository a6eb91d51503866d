package report

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/muxkit/muxkit/examples/muxbench/contenders"
	"github.com/muxkit/muxkit/examples/muxbench/harness"
)

// target is a bound that muxkit is to reach: of a metric, or of the ratio of the metrics
// of two cells inside a round.
type target struct {
	What    string
	Cell    harness.Cell
	Against harness.Cell   // none: the metric is judged, not a ratio
	Metric  harness.Metric // nil: calls a second
	Bound   float64        // told: nothing is judged
	AtMost  bool           // Bound is a maximum, not a minimum
}

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
	{contenders.MuxkitConn, "trpc", 128, [3]float64{1.8, 5.5, 8}},
	{contenders.MuxkitConn, "trpc-bufio", 128, [3]float64{1.8, 5.5, 8}},
	{contenders.MuxkitConn, "trpc", 4 << 10, [3]float64{1.6, 4, 3}},
	{contenders.MuxkitConn, "trpc", 64 << 10, [3]float64{1.3, 1.3, 1.3}},
	{contenders.MuxkitConn, "raw", 128, [3]float64{1, 4, 9}},
	{contenders.MuxkitClient, "gokit-grpc", 128, [3]float64{3.7, 10, 18}},
	{contenders.MuxkitClient, "gokit-http", 128, [3]float64{3.5, 15, 24}},
	{contenders.MuxkitConn, "netpoll", 128, [3]float64{1.3, 2.7, 2.5}},
	{contenders.MuxkitConn, "rueidis", 128, [3]float64{1.1, 1.9, 2.7}},
}

// targets lists the targets of both rounds.
func targets() []target { return append(firstTargets(), secondTargets()...) }

// firstTargets are floors since they were met.
func firstTargets() []target {
	var all []target
	for _, row := range ratioTargets {
		for i, callers := range callersOfTargets {
			all = append(all, target{
				What:    fmt.Sprintf("%s / %s, %s, c=%d", row.entry, row.against, harness.SizeName(row.size), callers),
				Cell:    harness.On(row.entry+harness.WithDeadline, row.size, callers),
				Against: harness.On(row.against, row.size, callers),
				Bound:   row.bounds[i],
			})
		}
	}
	small := harness.On(contenders.MuxkitConn+harness.WithDeadline, 128, 512)
	many, noContext, kept, nodes := small, small, small, small
	many.Callers = 4096
	nodes.Entry, nodes.Nodes = contenders.MuxkitConn, pageNodes
	noContext.Entry, kept.Entry = contenders.MuxkitConn+harness.WithoutContexts, contenders.MuxkitKeep+harness.WithoutContexts
	return append(all,
		target{
			What: "muxkit / raw, 128 B, c=1, one core", Bound: 0.8,
			Cell: harness.Cell{Entry: contenders.MuxkitConn + harness.WithDeadline, Net: "tcp", Size: 128, Callers: 1, Pinned: true}, Against: harness.Cell{Entry: "raw", Net: "tcp", Size: 128, Callers: 1, Pinned: true},
		},
		target{What: "muxkit, 128 B, c=4096 / c=512", Cell: many, Against: small, Bound: 0.6},
		target{What: "allocations per call, released answers", Cell: noContext, Metric: harness.Allocs, Bound: 0.1, AtMost: true},
		target{What: "allocations per call, kept answers", Cell: kept, Metric: harness.Allocs, Bound: 2.1, AtMost: true},
		target{What: "heap of an idle node, KiB, of 1000 nodes", Cell: nodes, Metric: idleHeap, Bound: 16, AtMost: true},
		target{What: "goroutines of an idle connection, of 1000 nodes", Cell: nodes, Metric: idleGoroutines, Bound: 2, AtMost: true},
	)
}

// reached is the figure; NaN if it was not measured.
func (t target) reached(records []harness.Record) float64 {
	m := t.Metric
	if m == nil {
		m = harness.CallsPerSecond
	}
	if t.Against == (harness.Cell{}) {
		return harness.MedianOf(records, t.Cell, m)
	}
	return harness.RatioOf(records, t.Cell, t.Against, m)
}

// otherwise is the figure with the deadlines of muxkit's calls given in another way;
// NaN if it was not measured. It is told, and not judged.
func (t target) otherwise(records []harness.Record, way map[string]string) float64 {
	if entry, ok := way[t.Cell.Entry]; ok && t.first() && t.Metric == nil && t.Cell.Entry != t.Against.Entry {
		t.Cell.Entry = entry
		return t.reached(records)
	}
	return math.NaN()
}

// Which entries differ from those of targets in nothing but where the deadline of a
// call comes from: context.WithTimeout, or the option WithTimeout or ClientTimeout.
var (
	byContext = map[string]string{contenders.MuxkitConn + harness.WithDeadline: contenders.MuxkitConn, contenders.MuxkitClient + harness.WithDeadline: contenders.MuxkitClient}
	byOption  = map[string]string{contenders.MuxkitConn + harness.WithDeadline: contenders.MuxkitTimeout, contenders.MuxkitClient + harness.WithDeadline: contenders.MuxkitClientTimeout}
)

const notMet = "not met"

// verdict is "met", "not met", "told" or "not measured".
func (t target) verdict(reached float64) string {
	switch {
	case math.IsNaN(reached):
		return "not measured"
	case t.Bound == told:
		return "told"
	case t.AtMost && reached <= t.Bound, !t.AtMost && reached >= t.Bound:
		return "met"
	}
	return notMet
}

func (t target) bound() string {
	if t.Bound == told {
		return "-"
	}
	if t.AtMost {
		return fmt.Sprintf("at most %.3g", t.Bound)
	}
	return fmt.Sprintf("%.3g", t.Bound)
}

// TargetCells is what must be measured to judge all targets.
func TargetCells() []harness.Cell {
	cells := openCells() // the maxima before what is a share of them
	for _, t := range targets() {
		std, option := t.Cell, t.Cell
		std.Entry, option.Entry = byContext[t.Cell.Entry], byOption[t.Cell.Entry]
		wanted := []harness.Cell{t.Cell, t.Against}
		if t.first() {
			wanted = append(wanted, std, option)
		}
		for _, c := range wanted {
			if _, err := harness.FindEntry(c.Entry); err == nil {
				cells = append(cells, c)
			}
		}
	}
	cells = append(cells, besideCells()...)
	cells = append(cells, layerCells()...)
	return mergeLoads(append(cells, limitCells()...))
}

// first reports whether the target is of the first round, whose figures are also told
// with other contexts.
func (t target) first() bool {
	return slices.ContainsFunc(firstTargets(), func(f target) bool { return f.What == t.What && f.Bound == t.Bound })
}

// PrintTargets writes the table of targets, and why those that are not met are not.
func PrintTargets(w io.Writer, r harness.Results) {
	fmt.Fprintf(w, "%s, %d cores\n", r.Machine.CPU, r.Machine.Cores)
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "row\ttarget\treached\t\tcontext.WithTimeout\tby option")
	var unmet []string
	for _, t := range targets() {
		reached := t.reached(r.Records)
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\t%s\n", t.What, t.bound(), figure(reached), t.verdict(reached),
			figure(t.otherwise(r.Records, byContext)), figure(t.otherwise(r.Records, byOption)))
		if t.verdict(reached) == notMet {
			unmet = append(unmet, fmt.Sprintf("%s: %s of %s: %s", t.What, figure(reached), t.bound(), why(t.What)))
		}
	}
	tw.Flush()
	if len(unmet) > 0 {
		fmt.Fprintf(w, "\nNot met, and why:\n- %s\n", strings.Join(unmet, "\n- "))
	}
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
