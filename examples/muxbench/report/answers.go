package report

import (
	"bytes"
	"fmt"
	"math"
	"slices"

	"github.com/muxkit/muxkit/examples/muxbench/harness"
)

// The tables of docs/performance.md: one for each question.

// label is what readers know an entry as.
func label(entry string) string {
	if name, ok := labels[entry]; ok {
		return name
	}
	return entry
}

var labels = map[string]string{
	pool: "muxkit: the pool alone", byHand: "by hand on the pool", client: "muxkit: Client and Service", chain: "muxkit: the whole chain",
	grpc: "grpc-go", h2c: "connect-go v2, h2c", "gokit-grpc": "Go kit on grpc-go", "gokit-http": "Go kit on HTTP, JSON",
	"trpc": "tRPC-Go's pool", "raw": "a connection per caller, by hand", "netpoll": "netpoll's mux", "rueidis": "rueidis",
}

// rivalsSection compares whole stacks, and pools.
func rivalsSection(w *bytes.Buffer, r harness.Results) {
	heads := []string{"128 B"}
	for _, c := range layerCallers {
		heads = append(heads, fmt.Sprintf("thousand calls/s, %d callers", c), "CPU, µs a call", "p99, ms")
	}
	header(w, heads...)
	for _, e := range rivalEntries {
		line := []string{label(e)}
		for _, c := range layerCallers {
			cell := harness.On(e, 128, c)
			line = append(line, medians(r, cell, thousandCalls, harness.CPUMicros, harness.P99Millis)...)
		}
		row(w, line...)
	}
}

// openSection is latency while there is room to spare.
func openSection(w *bytes.Buffer, r harness.Results) {
	heads := []string{"p50 / p99, ms", "its maximum, thousand calls/s"}
	for _, p := range openPercents {
		heads = append(heads, fmt.Sprintf("at %d%%", p))
	}
	header(w, heads...)
	for _, e := range openEntries {
		line := append([]string{label(e)}, medians(r, openCell(e, 0), thousandCalls)...)
		for _, p := range openPercents {
			m := medians(r, openCell(e, p), harness.P50Millis, harness.P99Millis)
			line = append(line, m[0]+" / "+m[1])
		}
		row(w, line...)
	}
}

// besideSection is what large answers do to small calls.
func besideSection(w *bytes.Buffer, r harness.Results) {
	heads := []string{"small calls: p99, ms (large answers/s)"}
	for _, e := range besideEntries {
		heads = append(heads, label(e))
	}
	header(w, heads...)
	for _, b := range besides {
		line := []string{b.String()}
		for _, e := range besideEntries {
			m := medians(r, b.cell(e), harness.P99Millis, largePerSecond)
			if b.bulk.Callers > 0 {
				m[0] += " (" + m[1] + ")"
			}
			line = append(line, m[0])
		}
		row(w, line...)
	}
}

// layersSection is what each floor costs.
func layersSection(w *bytes.Buffer, r harness.Results) {
	heads := []string{"128 B"}
	for _, c := range layerCallers {
		heads = append(heads, fmt.Sprintf("thousand calls/s, %d callers", c), "of the line above", "CPU, µs a call", "objects a call, client")
	}
	header(w, heads...)
	for i, e := range layerEntries {
		line := []string{label(e)}
		for _, c := range layerCallers {
			cell := harness.On(e, 128, c)
			m := medians(r, cell, thousandCalls, harness.CPUMicros, harness.Allocs)
			above := math.NaN()
			if i > 0 {
				above = harness.RatioOf(r.Records, cell, cell.Of(layerEntries[i-1]), harness.CallsPerSecond)
			}
			line = append(line, m[0], figure(above), m[1], m[2])
		}
		row(w, line...)
	}
}

// pricesSection is what a choice costs, from the targets of the second round that compare
// muxkit with itself.
func pricesSection(w *bytes.Buffer, r harness.Results) {
	header(w, "what", "of the calls a second", "target")
	for _, t := range priceTargets() {
		row(w, t.What, figure(t.reached(r.Records)), t.bound())
	}
}

// unmetSection counts the targets, and says why some are not met.
func unmetSection(w *bytes.Buffer, r harness.Results) {
	met := map[string]int{}
	var reasons []string
	for _, t := range targets() {
		reached := t.reached(r.Records)
		verdict := t.verdict(reached)
		met[verdict]++
		if verdict == notMet {
			reasons = append(reasons, fmt.Sprintf("- **%s: %s of %s.** %s", t.What, figure(reached), t.bound(), why(t.What)))
		}
	}
	fmt.Fprintf(w, "Met: %d. Not met: %d. Not measured: %d. Told: %d.\n\n", met["met"], met[notMet], met["not measured"], met["told"])
	for _, reason := range slices.Compact(reasons) {
		fmt.Fprintln(w, reason)
	}
}

// medians are figures of a cell's metrics.
func medians(r harness.Results, c harness.Cell, metrics ...harness.Metric) []string {
	all := make([]string, len(metrics))
	for i, m := range metrics {
		all[i] = figure(harness.MedianOf(r.Records, c, m))
	}
	return all
}

// tellMachine ends a table.
func tellMachine(w *bytes.Buffer, r harness.Results) {
	how := "one round"
	if n := roundsOf(r); n > 1 {
		how = fmt.Sprintf("medians of %d rounds", n)
	}
	fmt.Fprintf(w, "%s, %d cores, %s; %s.\n", r.Machine.CPU, r.Machine.Cores, r.Machine.Date, how)
}

func roundsOf(r harness.Results) int {
	rounds := 0
	for _, rec := range r.Records {
		rounds = max(rounds, rec.Round+1)
	}
	return rounds
}
