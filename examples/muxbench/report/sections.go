package report

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/muxkit/muxkit/examples/muxbench/harness"
)

func machineSection(w *bytes.Buffer, r harness.Results) {
	m := r.Machine
	rounds := 0
	for _, rec := range r.Records {
		rounds = max(rounds, rec.Round+1)
	}
	measured := slices.DeleteFunc(slices.Clone(r.Records), func(rec harness.Record) bool { return rec.Err != "" })
	windows := harness.Distinct(measured, func(rec harness.Record) string { return rec.Window.String() })
	fmt.Fprintf(w, "%s, %d cores, Linux %s, %s, %s. Rounds: %d; window: %s.\n\n", m.CPU, m.Cores, m.Kernel, m.Go, m.Date, rounds, strings.Join(windows, ", "))
	fmt.Fprintf(w, "Rivals: %s.\n", strings.Join(m.Modules, ", "))
}

func contenderSection(w *bytes.Buffer, _ harness.Results) {
	header(w, "contender", "how it is run")
	for _, c := range harness.Field() {
		row(w, "`"+c.Info().Name+"`", c.Info().About)
	}
}

// plain are the records of the tables that compare contenders: over TCP, one
// node, not pinned, contexts where the contender takes them.
func plain(records []harness.Record) []harness.Record {
	return slices.DeleteFunc(slices.Clone(records), func(r harness.Record) bool {
		return r.Load() != harness.On("", r.Size, r.Callers) || !slices.ContainsFunc(pageEntries(), func(e harness.Entry) bool { return e.Name == r.Entry })
	})
}

func sorted(values []int) []int {
	slices.Sort(values)
	return values
}

// matrixSection makes a table of contenders and callers for each size.
func matrixSection(what string, m harness.Metric) func(*bytes.Buffer, harness.Results) {
	return func(w *bytes.Buffer, r harness.Results) {
		writeMatrices(w, plain(r.Records), what, func(c harness.Cell) string { return figure(harness.MedianOf(r.Records, c, m)) })
	}
}

// batchSection leaves out those whose writes are not counted.
func batchSection(w *bytes.Buffer, r harness.Results) {
	records := slices.DeleteFunc(plain(r.Records), func(rec harness.Record) bool {
		e, err := harness.FindEntry(rec.Entry)
		return err != nil || e.Info().NoWrites
	})
	writeMatrices(w, records, "requests in one write of the client / answers in one of the server", func(c harness.Cell) string {
		return figure(harness.MedianOf(r.Records, c, harness.ClientBatch)) + " / " + figure(harness.MedianOf(r.Records, c, harness.ServerBatch))
	})
}

func latencySection(w *bytes.Buffer, r harness.Results) {
	writeMatrices(w, plain(r.Records), "p50 / p99, ms", func(c harness.Cell) string {
		return figure(harness.MedianOf(r.Records, c, harness.P50Millis)) + " / " + figure(harness.MedianOf(r.Records, c, harness.P99Millis))
	})
}

func writeMatrices(w *bytes.Buffer, records []harness.Record, what string, value func(harness.Cell) string) {
	for _, size := range sorted(harness.Distinct(records, func(r harness.Record) int { return r.Size })) {
		of := slices.DeleteFunc(slices.Clone(records), func(r harness.Record) bool { return r.Size != size })
		callers := sorted(harness.Distinct(of, func(r harness.Record) int { return r.Callers }))
		fmt.Fprintf(w, "%s: %s\n\n", harness.SizeName(size), what)
		heads := []string{""}
		for _, c := range callers {
			heads = append(heads, fmt.Sprintf("c=%d", c))
		}
		header(w, heads...)
		for _, e := range rowsOf(of, len(callers)) {
			line := []string{"`" + e + "`"}
			for _, c := range callers {
				line = append(line, value(harness.On(e, size, c)))
			}
			row(w, line...)
		}
		w.WriteByte('\n')
	}
}

// rowsOf are the entries of records of one size that get a row: variants only
// where they were measured under every load.
func rowsOf(records []harness.Record, loads int) []string {
	names := inOrder(harness.Distinct(records, func(r harness.Record) string { return r.Entry }))
	return slices.DeleteFunc(names, func(name string) bool {
		of := slices.DeleteFunc(slices.Clone(records), func(r harness.Record) bool { return r.Entry != name })
		e, err := harness.FindEntry(name)
		return err == nil && e.Info().Variant && len(harness.Distinct(of, func(r harness.Record) int { return r.Callers })) < loads
	})
}

// inOrder sorts entries' names as entries lists them.
func inOrder(names []string) []string {
	all := harness.EntryNames(harness.Entries())
	slices.SortStableFunc(names, func(a, b string) int { return slices.Index(all, a) - slices.Index(all, b) })
	return names
}

// allocSection shows allocations at one load: they hardly depend on it.
func allocSection(w *bytes.Buffer, r harness.Results) {
	const callers = 64
	records := slices.DeleteFunc(slices.Clone(r.Records), func(rec harness.Record) bool {
		return rec.Load() != harness.On("", rec.Size, callers)
	})
	fmt.Fprintf(w, "Objects and bytes per call at c=%d: the client's, and objects of the server.\n\n", callers)
	sizes := sorted(harness.Distinct(records, func(r harness.Record) int { return r.Size }))
	heads := []string{""}
	for _, s := range sizes {
		heads = append(heads, harness.SizeName(s)+": client", "server")
	}
	header(w, heads...)
	for _, e := range inOrder(harness.Distinct(records, func(r harness.Record) string { return r.Entry })) {
		line := []string{"`" + e + "`"}
		for _, s := range sizes {
			c := harness.On(e, s, callers)
			line = append(line, figure(harness.MedianOf(records, c, harness.Allocs))+", "+figure(harness.MedianOf(records, c, harness.AllocBytes))+" B", figure(harness.MedianOf(records, c, harness.ServerAllocs)))
		}
		row(w, line...)
	}
}

func costSection(w *bytes.Buffer, r harness.Results) {
	heads := []string{"change", "from", "to"}
	for _, size := range costSizes {
		for _, c := range costCallers {
			heads = append(heads, fmt.Sprintf("%s, c=%d", harness.SizeName(size), c))
		}
	}
	header(w, heads...)
	for _, cost := range costRows {
		line := []string{cost.What, "`" + cost.Against + "` " + cost.OnNet, "`" + cost.Entry + "` " + cost.Net}
		for _, size := range costSizes {
			for _, c := range costCallers {
				a, b := cost.cells(size, c)
				line = append(line, figure(harness.RatioOf(r.Records, a, b, harness.CallsPerSecond)))
			}
		}
		row(w, line...)
	}
}

// networkSection shows calls per second over each network, where more than one
// was measured.
func networkSection(w *bytes.Buffer, r harness.Results) {
	fmt.Fprintf(w, "%s: thousand calls/s\n\n", harness.SizeName(networkSize))
	heads := []string{""}
	for _, c := range networkCallers {
		for _, n := range harness.AllNets {
			heads = append(heads, fmt.Sprintf("c=%d, %s", c, n))
		}
	}
	header(w, heads...)
	for _, e := range networkEntries {
		line := []string{"`" + e + "`"}
		for _, c := range networkCallers {
			for _, n := range harness.AllNets {
				line = append(line, figure(harness.MedianOf(r.Records, harness.Cell{Entry: e, Net: n, Size: networkSize, Callers: c}, thousandCalls)))
			}
		}
		row(w, line...)
	}
}

// oneCoreSection shows one caller with both processes on one core.
func oneCoreSection(w *bytes.Buffer, r harness.Results) {
	header(w, "", "thousand calls/s", "of raw", "p50, ms", "p99, ms", "CPU s per 100k")
	for _, e := range oneCoreEntries {
		c := harness.Cell{Entry: e, Net: "tcp", Size: 128, Callers: 1, Pinned: true}
		raw := c
		raw.Entry = "raw"
		row(w, "`"+e+"`", figure(harness.MedianOf(r.Records, c, thousandCalls)), figure(harness.RatioOf(r.Records, c, raw, harness.CallsPerSecond)),
			figure(harness.MedianOf(r.Records, c, harness.P50Millis)), figure(harness.MedianOf(r.Records, c, harness.P99Millis)), figure(harness.MedianOf(r.Records, c, harness.CPUPer100k)))
	}
}

func targetSection(w *bytes.Buffer, r harness.Results) {
	header(w, "row", "target", "reached", "", "context.WithTimeout", "by option")
	for _, t := range targets() {
		reached := t.reached(r.Records)
		row(w, t.What, t.bound(), figure(reached), t.verdict(reached),
			figure(t.otherwise(r.Records, byContext)), figure(t.otherwise(r.Records, byOption)))
	}
}
