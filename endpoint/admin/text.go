package admin

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// writeText writes the tables in columns. What is not well has a mark in front.
func (p *page) writeText(w io.Writer) {
	fmt.Fprintf(w, "muxkit at %s\n", p.Time.Format(time.RFC3339))
	alarms := p.alarms()
	for _, line := range alarms {
		fmt.Fprintf(w, "! %s\n", line)
	}
	if len(alarms) == 0 {
		fmt.Fprintln(w, allWell)
	}
	for _, line := range p.orders() {
		fmt.Fprintln(w, line)
	}
	for _, t := range p.tables() {
		fmt.Fprintf(w, "\n%s\n", t.Title)
		for _, note := range t.Notes {
			fmt.Fprintf(w, "  %s\n", note)
		}
		if len(t.Rows) == 0 {
			continue
		}
		columns := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		fmt.Fprintf(columns, "  %s\n", strings.ToUpper(strings.Join(t.Head, "\t")))
		for _, r := range t.Rows {
			mark := "  "
			if r.Ill {
				mark = "! "
			}
			fmt.Fprintf(columns, "%s%s\n", mark, strings.Join(r.Cells, "\t"))
		}
		columns.Flush()
		if t.More > 0 {
			fmt.Fprintf(w, "  and %d more\n", t.More)
		}
	}
}
