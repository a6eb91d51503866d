package report

import (
	"fmt"
	"io"
	"math"
	"text/tabwriter"

	"github.com/muxkit/muxkit/examples/muxbench/harness"
)

// column is a figure of the table, scaled for a reader.
type column struct {
	head   string
	metric harness.Metric
}

func thousandCalls(r harness.Record) float64 { return harness.CallsPerSecond(r) / 1e3 }

// largePerSecond is NaN where there is nothing large beside.
func largePerSecond(r harness.Record) float64 {
	if r.Cell.Bulk.Callers == 0 {
		return math.NaN()
	}
	return harness.LargePerSecond(r)
}

var columns = []column{
	{"k calls/s", thousandCalls},
	{"p50 ms", harness.P50Millis},
	{"p99 ms", harness.P99Millis},
	{"large/s", largePerSecond},
	{"allocs", harness.Allocs},
	{"bytes", harness.AllocBytes},
	{"srv allocs", harness.ServerAllocs},
	{"cpu s/100k", harness.CPUPer100k},
	{"req/write", harness.ClientBatch},
	{"ans/write", harness.ServerBatch},
}

// PrintTable writes a line for each cell, in blocks that share a load; medians
// over the rounds.
func PrintTable(w io.Writer, r harness.Results) {
	records := r.Records
	fmt.Fprintf(w, "%s, %d cores\n", r.Machine.CPU, r.Machine.Cores)
	cells := harness.Distinct(records, func(r harness.Record) harness.Cell { return r.Cell })
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	var previous harness.Cell
	for _, c := range cells {
		load := c.Load()
		if load != previous {
			tw.Flush()
			fmt.Fprintf(w, "\n%v\n", load)
			for _, col := range columns {
				fmt.Fprintf(tw, "%s\t", col.head)
			}
			fmt.Fprintln(tw)
			previous = load
		}
		for _, col := range columns {
			fmt.Fprintf(tw, "%s\t", figure(harness.MedianOf(records, c, col.metric)))
		}
		fmt.Fprintf(tw, "  %s\n", c.Entry)
	}
	tw.Flush()
}

// PrintFailures names what failed, and what was left out.
func PrintFailures(w io.Writer, r harness.Results) {
	for _, what := range r.LeftOut {
		fmt.Fprintln(w, "left out:", what)
	}
	for _, r := range r.Records {
		if r.Err != "" {
			fmt.Fprintf(w, "failed in round %d: %v: %s\n", r.Round+1, r.Cell, r.Err)
		}
	}
}
