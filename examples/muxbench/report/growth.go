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

// How cost grows: one thing grows from row to row, and nothing else. Where the CPU time
// of a call (or of a KiB, where sizes grow) rises by a quarter from one row to the next,
// the row bends, and what grew most in the profiles of both rows is to blame.

// A growth is what grows.
type growth struct {
	name  string
	what  string // grows
	entry string
	steps []int
	cell  func(entry string, step int) harness.Cell
	unit  func(harness.Record) float64 // how many units, whose cost is told, a call has
	units string
}

const bendsFrom = 1.25

var growths = []growth{
	{
		"callers", "callers", tuned, []int{1, 8, 64, 512, 4096, 16384, 50_000},
		func(e string, n int) harness.Cell { return harness.On(e, 128, n) }, oneUnit, "a call",
	},
	{
		"nodes", "nodes, 8 callers at each", pool, []int{10, 100, 1000, 2000, 3500, 5000},
		func(e string, n int) harness.Cell {
			c := harness.On(e, 128, 8*n)
			c.Nodes = n
			return c
		}, oneUnit, "a call",
	},
	{
		"sizes", "bytes there and back", tuned, []int{128, 1 << 10, 4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20, 2 << 20, 4 << 20, 8 << 20},
		func(e string, n int) harness.Cell { return harness.On(e, n, 8) },
		func(r harness.Record) float64 { return max(1, float64(r.Size)/(16<<10)) }, "a call, and 16 KiB of it",
	},
	{
		"sizes-client", "bytes there and back, Client and Service", client, []int{128, 1 << 10, 4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20, 2 << 20, 4 << 20, 8 << 20},
		func(e string, n int) harness.Cell { return harness.On(e, n, 8) },
		func(r harness.Record) float64 { return max(1, float64(r.Size)/(16<<10)) }, "a call, and 16 KiB of it",
	},
}

func oneUnit(harness.Record) float64 { return 1 }

// GrowthCells are those of a comma-separated list of what grows.
func GrowthCells(list string) ([]harness.Cell, error) {
	var cells []harness.Cell
	for name := range strings.SplitSeq(list, ",") {
		at := slices.IndexFunc(growths, func(g growth) bool { return g.name == name })
		if at < 0 {
			return nil, fmt.Errorf("-growth: %q is none of %s", name, strings.Join(growthNames(), ", "))
		}
		for _, step := range growths[at].steps {
			c := growths[at].cell(growths[at].entry, step)
			c.Profiled = true
			cells = append(cells, c)
		}
	}
	return cells, nil
}

func growthNames() []string {
	var names []string
	for _, g := range growths {
		names = append(names, g.name)
	}
	return names
}

// growthRow is a step as it was measured.
type growthRow struct {
	step     int
	rate     float64 // thousand calls/s
	p50, p99 float64 // ms
	cost     float64 // CPU µs of both sides, a unit
	parts    map[string]float64
}

// rows are the steps that were measured.
func (g growth) rows(records []harness.Record) []growthRow {
	var rows []growthRow
	for _, step := range g.steps {
		c := g.cell(g.entry, step)
		c.Profiled = true
		of := func(m harness.Metric) float64 { return harness.MedianOf(records, c, m) }
		row := growthRow{step, of(thousandCalls), of(harness.P50Millis), of(harness.P99Millis), of(func(r harness.Record) float64 { return harness.CPUMicros(r) / g.unit(r) }), map[string]float64{}}
		if math.IsNaN(row.cost) {
			continue
		}
		for part := range partNames(records, c) {
			row.parts[part] = row.cost * of(func(r harness.Record) float64 { return r.Parts.Share(part) })
		}
		rows = append(rows, row)
	}
	return rows
}

func partNames(records []harness.Record, c harness.Cell) map[string]bool {
	names := map[string]bool{}
	for _, r := range records {
		if r.Cell == c {
			for part := range r.Parts {
				names[part] = true
			}
		}
	}
	return names
}

// blame says what grew most from one row to the next, if the row bends.
func blame(before, now growthRow) string {
	if now.cost < bendsFrom*before.cost {
		return ""
	}
	most, by := "", 0.0
	for part, cost := range now.parts {
		if more := cost - before.parts[part]; more > by || more == by && part < most {
			most, by = part, more
		}
	}
	if most == "" {
		return fmt.Sprintf("+%.0f%%", 100*(now.cost/before.cost-1))
	}
	return fmt.Sprintf("+%.0f%%, of it %.0f%% %s: %.2f to %.2f µs", 100*(now.cost/before.cost-1), 100*by/(now.cost-before.cost), most, before.parts[most], now.parts[most])
}

// growthSection is a table for each thing that grew.
func growthSection(w *bytes.Buffer, r harness.Results) {
	for _, g := range growths {
		rows := g.rows(r.Records)
		if len(rows) == 0 {
			continue
		}
		fmt.Fprintf(w, "`%s`: %s. CPU time of both sides of %s. %s, %d cores.\n\n", g.entry, g.what, g.units, r.Machine.CPU, r.Machine.Cores)
		header(w, g.name, "thousand calls/s", "p50, ms", "p99, ms", "CPU, µs", "bends: who is to blame")
		for i, r := range rows {
			bend := ""
			if i > 0 {
				bend = blame(rows[i-1], r)
			}
			step := fmt.Sprint(r.step)
			if strings.HasPrefix(g.name, "sizes") {
				step = harness.SizeName(r.step)
			}
			row(w, step, figure(r.rate), figure(r.p50), figure(r.p99), figure(r.cost), bend)
		}
		w.WriteByte('\n')
	}
}

// PrintGrowth writes the same as text.
func PrintGrowth(w io.Writer, r harness.Results) {
	var section bytes.Buffer
	growthSection(&section, r)
	fmt.Fprintf(w, "\n%s", &section)
}
