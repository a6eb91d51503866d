package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

func machineSection(w *bytes.Buffer, r Results) {
	m := r.Machine
	rounds := 0
	for _, rec := range r.Records {
		rounds = max(rounds, rec.Round+1)
	}
	measured := slices.DeleteFunc(slices.Clone(r.Records), func(rec Record) bool { return rec.Err != "" })
	windows := distinct(measured, func(rec Record) string { return rec.Window.String() })
	fmt.Fprintf(w, "%s, %d cores, Linux %s, %s, %s. Rounds: %d; window: %s.\n\n", m.CPU, m.Cores, m.Kernel, m.Go, m.Date, rounds, strings.Join(windows, ", "))
	fmt.Fprintf(w, "Rivals: %s.\n", strings.Join(m.Modules, ", "))
}

func contenderSection(w *bytes.Buffer, _ Results) {
	header(w, "contender", "how it is run")
	for _, c := range contenders {
		row(w, "`"+c.Info().Name+"`", c.Info().About)
	}
}

// plain are the records of the tables that compare contenders: over TCP, one
// node, not pinned, contexts where the contender takes them.
func plain(records []Record) []Record {
	return slices.DeleteFunc(slices.Clone(records), func(r Record) bool {
		return r.Net != "tcp" || r.Pinned || r.Nodes > 0 || !slices.ContainsFunc(pageEntries(), func(e Entry) bool { return e.Name == r.Entry })
	})
}

func sorted(values []int) []int {
	slices.Sort(values)
	return values
}

// matrixSection makes a table of contenders and callers for each size.
func matrixSection(what string, m metric) func(*bytes.Buffer, Results) {
	return func(w *bytes.Buffer, r Results) {
		writeMatrices(w, plain(r.Records), what, func(c Cell) string { return figure(medianOf(r.Records, c, m)) })
	}
}

// batchSection leaves out those whose writes are not counted.
func batchSection(w *bytes.Buffer, r Results) {
	records := slices.DeleteFunc(plain(r.Records), func(rec Record) bool {
		e, err := findEntry(rec.Entry)
		return err != nil || e.Info().NoWrites
	})
	writeMatrices(w, records, "requests in one write of the client / answers in one of the server", func(c Cell) string {
		return figure(medianOf(r.Records, c, clientBatch)) + " / " + figure(medianOf(r.Records, c, serverBatch))
	})
}

func latencySection(w *bytes.Buffer, r Results) {
	writeMatrices(w, plain(r.Records), "p50 / p99, ms", func(c Cell) string {
		return figure(medianOf(r.Records, c, p50Millis)) + " / " + figure(medianOf(r.Records, c, p99Millis))
	})
}

func writeMatrices(w *bytes.Buffer, records []Record, what string, value func(Cell) string) {
	for _, size := range sorted(distinct(records, func(r Record) int { return r.Size })) {
		of := slices.DeleteFunc(slices.Clone(records), func(r Record) bool { return r.Size != size })
		callers := sorted(distinct(of, func(r Record) int { return r.Callers }))
		fmt.Fprintf(w, "%s: %s\n\n", sizeName(size), what)
		heads := []string{""}
		for _, c := range callers {
			heads = append(heads, fmt.Sprintf("c=%d", c))
		}
		header(w, heads...)
		for _, e := range rowsOf(of, len(callers)) {
			line := []string{"`" + e + "`"}
			for _, c := range callers {
				line = append(line, value(Cell{e, "tcp", size, c, false, 0}))
			}
			row(w, line...)
		}
		w.WriteByte('\n')
	}
}

// rowsOf are the entries of records of one size that get a row: variants only
// where they were measured under every load.
func rowsOf(records []Record, loads int) []string {
	names := inOrder(distinct(records, func(r Record) string { return r.Entry }))
	return slices.DeleteFunc(names, func(name string) bool {
		of := slices.DeleteFunc(slices.Clone(records), func(r Record) bool { return r.Entry != name })
		e, err := findEntry(name)
		return err == nil && e.Info().Variant && len(distinct(of, func(r Record) int { return r.Callers })) < loads
	})
}

// inOrder sorts entries' names as entries lists them.
func inOrder(names []string) []string {
	all := entryNames(entries())
	slices.SortStableFunc(names, func(a, b string) int { return slices.Index(all, a) - slices.Index(all, b) })
	return names
}

// allocSection shows allocations at one load: they hardly depend on it.
func allocSection(w *bytes.Buffer, r Results) {
	const callers = 64
	records := slices.DeleteFunc(slices.Clone(r.Records), func(rec Record) bool {
		return rec.Net != "tcp" || rec.Pinned || rec.Nodes > 0 || rec.Callers != callers
	})
	fmt.Fprintf(w, "Objects and bytes per call at c=%d: the client's, and objects of the server.\n\n", callers)
	sizes := sorted(distinct(records, func(r Record) int { return r.Size }))
	heads := []string{""}
	for _, s := range sizes {
		heads = append(heads, sizeName(s)+": client", "server")
	}
	header(w, heads...)
	for _, e := range inOrder(distinct(records, func(r Record) string { return r.Entry })) {
		line := []string{"`" + e + "`"}
		for _, s := range sizes {
			c := Cell{e, "tcp", s, callers, false, 0}
			line = append(line, figure(medianOf(records, c, allocs))+", "+figure(medianOf(records, c, allocBytes))+" B", figure(medianOf(records, c, serverAllocs)))
		}
		row(w, line...)
	}
}

func costSection(w *bytes.Buffer, r Results) {
	heads := []string{"change", "from", "to"}
	for _, size := range costSizes {
		for _, c := range costCallers {
			heads = append(heads, fmt.Sprintf("%s, c=%d", sizeName(size), c))
		}
	}
	header(w, heads...)
	for _, cost := range costRows {
		line := []string{cost.What, "`" + cost.Against + "` " + cost.OnNet, "`" + cost.Entry + "` " + cost.Net}
		for _, size := range costSizes {
			for _, c := range costCallers {
				a, b := cost.cells(size, c)
				line = append(line, figure(ratioOf(r.Records, a, b)))
			}
		}
		row(w, line...)
	}
}

// networkSection shows calls per second over each network, where more than one
// was measured.
func networkSection(w *bytes.Buffer, r Results) {
	fmt.Fprintf(w, "%s: thousand calls/s\n\n", sizeName(networkSize))
	heads := []string{""}
	for _, c := range networkCallers {
		for _, n := range allNets {
			heads = append(heads, fmt.Sprintf("c=%d, %s", c, n))
		}
	}
	header(w, heads...)
	for _, e := range networkEntries {
		line := []string{"`" + e + "`"}
		for _, c := range networkCallers {
			for _, n := range allNets {
				line = append(line, figure(medianOf(r.Records, Cell{e, n, networkSize, c, false, 0}, thousandCalls)))
			}
		}
		row(w, line...)
	}
}

// oneCoreSection shows one caller with both processes on one core.
func oneCoreSection(w *bytes.Buffer, r Results) {
	header(w, "", "thousand calls/s", "of raw", "p50, ms", "p99, ms", "CPU s per 100k")
	for _, e := range oneCoreEntries {
		c := Cell{e, "tcp", 128, 1, true, 0}
		raw := c
		raw.Entry = "raw"
		row(w, "`"+e+"`", figure(medianOf(r.Records, c, thousandCalls)), figure(ratioOf(r.Records, c, raw)),
			figure(medianOf(r.Records, c, p50Millis)), figure(medianOf(r.Records, c, p99Millis)), figure(medianOf(r.Records, c, cpuPer100k)))
	}
}

func targetSection(w *bytes.Buffer, r Results) {
	header(w, "row", "target", "reached", "", "context.WithTimeout", "by option")
	for _, t := range targets() {
		reached := t.reached(r.Records)
		row(w, t.What, t.bound(), figure(reached), t.verdict(reached),
			figure(t.otherwise(r.Records, byContext)), figure(t.otherwise(r.Records, byOption)))
	}
}
