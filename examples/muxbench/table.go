package main

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// column is a figure of the table, scaled for a reader.
type column struct {
	head   string
	metric metric
}

func thousandCalls(r Record) float64 { return callsPerSecond(r) / 1e3 }

var columns = []column{
	{"k calls/s", thousandCalls},
	{"p50 ms", p50Millis},
	{"p99 ms", p99Millis},
	{"allocs", allocs},
	{"bytes", allocBytes},
	{"srv allocs", serverAllocs},
	{"cpu s/100k", cpuPer100k},
	{"req/write", clientBatch},
	{"ans/write", serverBatch},
}

// printTable writes a line for each cell, in blocks that share a load; medians
// over the rounds.
func printTable(w io.Writer, records []Record) {
	cells := distinct(records, func(r Record) Cell { return r.Cell })
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	var previous Cell
	for _, c := range cells {
		load := c
		load.Entry = ""
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
			fmt.Fprintf(tw, "%s\t", figure(medianOf(records, c, col.metric)))
		}
		fmt.Fprintf(tw, "  %s\n", c.Entry)
	}
	tw.Flush()
}

func printFailures(w io.Writer, records []Record) {
	for _, r := range records {
		if r.Err != "" {
			fmt.Fprintf(w, "failed in round %d: %v: %s\n", r.Round+1, r.Cell, r.Err)
		}
	}
}
