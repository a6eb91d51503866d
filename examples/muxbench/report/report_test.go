package report

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/muxkit/muxkit/examples/muxbench/contenders"
	"github.com/muxkit/muxkit/examples/muxbench/harness"
)

// rates are records of one cell, a round each.
func rates(c harness.Cell, perSecond ...uint64) []harness.Record {
	var records []harness.Record
	for round, n := range perSecond {
		records = append(records, harness.Record{Cell: c, Round: round, Window: time.Second, Calls: n})
	}
	return records
}

func TestTargets(t *testing.T) {
	floor, ceiling := target{Bound: 1.8}, target{Bound: 0.1, AtMost: true}
	for _, c := range []struct {
		target  target
		reached float64
		want    string
	}{
		{floor, 1.8, "met"}, {floor, 1.79, "not met"}, {floor, math.NaN(), "not measured"},
		{ceiling, 0.1, "met"}, {ceiling, 1, "not met"}, {ceiling, math.NaN(), "not measured"},
	} {
		if got := c.target.verdict(c.reached); got != c.want {
			t.Errorf("%v of %v is %q, want %q", c.reached, c.target.bound(), got, c.want)
		}
	}
	var out bytes.Buffer
	first := targets()[0]
	PrintTargets(&out, harness.Results{Records: append(rates(first.Cell, 200), rates(first.Against, 100)...)})
	if line := strings.SplitN(out.String(), "\n", 4)[2]; !strings.Contains(line, "2.00") || !strings.Contains(line, " met ") {
		t.Errorf("line %q", line)
	}
}

// TestEveryTargetCanBeMeasured finds targets and costs that speak of entries that
// are not there.
func TestEveryTargetCanBeMeasured(t *testing.T) {
	var cells []harness.Cell
	for _, target := range targets() {
		cells = append(cells, target.Cell)
		if target.Against != (harness.Cell{}) {
			cells = append(cells, target.Against)
		}
	}
	for _, row := range costRows {
		a, b := row.cells(128, 64)
		cells = append(cells, a, b)
	}
	full := FullPlan()
	for _, c := range cells {
		e, err := harness.FindEntry(c.Entry)
		if err != nil || !e.Info().Can(c) {
			t.Errorf("%v cannot be measured: %v", c, err)
		}
		if !slices.Contains(full, c) {
			t.Errorf("-full leaves out %v", c)
		}
	}
}

func TestMergeLoads(t *testing.T) {
	a, b := harness.Cell{Entry: "a", Size: 1}, harness.Cell{Entry: "b", Size: 1}
	c := harness.Cell{Entry: "a", Size: 2}
	if got := mergeLoads([]harness.Cell{a, c, b, a}); !slices.Equal(got, []harness.Cell{a, b, c}) {
		t.Errorf("%v", got)
	}
}

func TestFillSections(t *testing.T) {
	r := harness.Results{Records: rates(harness.On("raw", 128, 8), 29_700)}
	in := "a\n<!-- muxbench: throughput -->\nstale\n<!-- end -->\nb\n"
	out, err := fillSections([]byte(in), r, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"a\n<!-- muxbench: throughput -->\n", "| `raw` | 29.7 |\n", "<!-- end -->\nb\n"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("no %q in:\n%s", want, out)
		}
	}
	again, err := fillSections(out, r, nil)
	if err != nil || !bytes.Equal(out, again) {
		t.Errorf("filling twice changes the text (%v):\n%s", err, again)
	}
	for _, bad := range []string{"<!-- muxbench: nothing -->\n<!-- end -->\n", "<!-- muxbench: targets -->\n"} {
		if _, err := fillSections([]byte(bad), r, nil); err == nil {
			t.Errorf("no error for %q", bad)
		}
	}
}

// A run with one processor fills its own sections and leaves the others alone.
func TestFillSectionsOfOneProcessor(t *testing.T) {
	const in = "<!-- muxbench: machine -->\nkept\n<!-- end -->\n<!-- muxbench: targets-one-processor -->\nstale\n<!-- end -->\n"
	for procs, want := range map[int][2]string{0: {"stale", "kept"}, 1: {"kept", "stale"}} {
		out, err := fillSections([]byte(in), harness.Results{Machine: harness.Machine{Procs: procs}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(out), want[0]+"\n") || strings.Contains(string(out), want[1]) {
			t.Errorf("%d processors: %q is to stay, %q is not:\n%s", procs, want[0], want[1], out)
		}
	}
}

func TestFillSectionsThatAreNamed(t *testing.T) {
	const in = "<!-- muxbench: targets -->\nstale\n<!-- end -->\n<!-- muxbench: costs -->\nkept\n<!-- end -->\n"
	out, err := fillSections([]byte(in), harness.Results{}, []string{"targets"})
	if err != nil || strings.Contains(string(out), "stale") || !strings.Contains(string(out), "kept") {
		t.Errorf("%v:\n%s", err, out)
	}
	if _, err := fillSections([]byte(in), harness.Results{}, []string{"target"}); err == nil {
		t.Error("no error for a section that is not there")
	}
}

func TestTableTellsFailures(t *testing.T) {
	var out bytes.Buffer
	ok, broken := rates(harness.On("raw", 128, 8), 1000), rates(harness.On("pipe", 128, 8), 0)
	broken[0].Err = "no answer"
	r := harness.Results{Records: append(ok, broken...), LeftOut: []string{"what, and why"}}
	PrintTable(&out, r)
	PrintFailures(&out, r)
	for _, want := range []string{"1.00", "raw", "failed in round 1: pipe tcp 128 B c=8: no answer", "left out: what, and why"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in:\n%s", want, &out)
		}
	}
}

func TestLimitSection(t *testing.T) {
	cell := func(entry string) harness.Cell { return harness.On(entry, 128, 64) }
	records := rates(cell(contenders.MuxkitClient+harness.WithDeadline), 300_000)
	records = append(records, rates(cell("gokit-grpc"), 30_000)...)
	records = append(records, rates(cell(contenders.MuxkitHandClient+harness.WithDeadline), 400_000)...)
	var out bytes.Buffer
	limitSection(&out, harness.Results{Records: records})
	if want := "| gokit-grpc, c=64 | 10 | 10.0 | - | 13.3 | - | 0.75 | - |\n"; !strings.Contains(out.String(), want) {
		t.Errorf("no %q in:\n%s", want, &out)
	}
	if strings.Contains(out.String(), "| grpc, ") {
		t.Errorf("latencies beside grpc-go, which the limits were not measured for, stand in:\n%s", &out)
	}
}

// TestPlots draws what there is: of a run with the questions, and of one with -full.
func TestPlots(t *testing.T) {
	var asked, full []harness.Record
	for _, c := range TargetCells() {
		rec := harness.Record{Cell: c, Window: time.Second, Calls: 1000, P50: time.Millisecond, P99: 3 * time.Millisecond}
		if c.Percent > 0 {
			rec.Offered = 500 + c.Percent
		}
		asked = append(asked, rec)
	}
	for _, size := range append(largeSizes, 128) {
		for _, callers := range smallCallers {
			full = append(full, rates(harness.On("raw", size, callers), 1000)...)
		}
	}
	for want, r := range map[string]struct {
		records []harness.Record
		names   []string
	}{
		"grpc-go": {asked, []string{"beside.svg", "chain.svg", "load.svg"}},
		"raw":     {full, []string{"chain.svg", "cpu.svg", "latency.svg", "throughput.svg"}},
	} {
		dir := t.TempDir()
		for i := range r.records {
			r.records[i].Client.CPU, r.records[i].P99 = time.Second, 3*time.Millisecond
		}
		if err := WritePlots(dir, harness.Results{Records: r.records}); err != nil {
			t.Fatal(err)
		}
		var names []string
		files, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			names = append(names, f.Name())
			svg, err := os.ReadFile(filepath.Join(dir, f.Name()))
			if err != nil || !strings.Contains(string(svg), "</svg>") || !strings.Contains(string(svg), want) && f.Name() != "chain.svg" {
				t.Errorf("%s is no SVG that names %s (%v)", f.Name(), want, err)
			}
		}
		if !slices.Equal(names, r.names) {
			t.Errorf("written: %v, want %v", names, r.names)
		}
	}
}

// The sections of docs/performance.md, of a run in which everything was measured, have a
// figure everywhere.
func TestAnswersAreWhole(t *testing.T) {
	var records []harness.Record
	for _, c := range TargetCells() {
		records = append(records, harness.Record{
			Cell: c, Window: time.Second, Calls: 1000, Offered: c.Percent, P50: time.Millisecond, P99: 3 * time.Millisecond,
			Large: harness.BulkResult{Calls: 7}, Client: harness.Usage{CPU: time.Second, Writes: 100, Mallocs: 3},
			Idle: &harness.Footprint{Sockets: 1000},
		})
	}
	r := harness.Results{Machine: harness.Machine{CPU: "Abacus"}, Records: records}
	for _, name := range []string{"rivals", "load", "beside", "layers", "prices"} {
		var out bytes.Buffer
		sections[name](&out, r)
		tellMachine(&out, r)
		text := strings.Replace(out.String(), "| - | ", "", 2) // nothing is above the first line
		if strings.Contains(text, " - ") || !strings.Contains(text, "Abacus") {
			t.Errorf("%s:\n%s", name, &out)
		}
	}
	var out bytes.Buffer
	PrintTargets(&out, r)
	if !strings.Contains(out.String(), "Abacus") || strings.Contains(out.String(), "not measured") {
		t.Errorf("targets:\n%s", &out)
	}
}

// Every line of unmet.txt is about a target.
func TestUnmetNamesTargets(t *testing.T) {
	for line := range strings.Lines(unmetText) {
		row, sentence, ok := strings.Cut(line, " | ")
		about := slices.ContainsFunc(targets(), func(t target) bool { return strings.HasPrefix(t.What, row) })
		if !ok || !about || len(strings.TrimSpace(sentence)) < 20 {
			t.Errorf("%q is about no target, or says nothing", line)
		}
	}
	if got := why("what nobody wrote about"); !strings.Contains(got, "unmet.txt") {
		t.Errorf("%q", got)
	}
}

// Of two rows of which the second costs more, what grew most is to blame; small changes
// are no bend.
func TestBlame(t *testing.T) {
	g := growths[0]
	rec := func(step int, cpu time.Duration, parts harness.Parts) harness.Record {
		c := g.cell(g.entry, step)
		c.Profiled = true
		return harness.Record{Cell: c, Window: time.Second, Calls: 1e6, Client: harness.Usage{CPU: cpu}, Parts: parts}
	}
	r := harness.Results{Records: []harness.Record{
		rec(8, 2*time.Second, harness.Parts{"muxpool": 1, "the garbage collector": 1}),
		rec(64, 2*time.Second+time.Second/5, harness.Parts{"muxpool": 1, "the garbage collector": 1}),
		rec(512, 4*time.Second, harness.Parts{"muxpool": 1, "the garbage collector": 3}),
	}}
	var out bytes.Buffer
	growthSection(&out, r)
	for _, want := range []string{"| 64 | 1000 | 0.00 | 0.00 | 2.20 |  |", "| 512 | 1000 | 0.00 | 0.00 | 4.00 | +82%, of it 106% the garbage collector: 1.10 to 3.00 µs |"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in:\n%s", want, &out)
		}
	}
}

func TestGrowthCells(t *testing.T) {
	cells, err := GrowthCells("callers,sizes")
	if err != nil || len(cells) != len(growths[0].steps)+len(growths[2].steps) {
		t.Errorf("%d cells, %v", len(cells), err)
	}
	for _, c := range cells {
		if e, err := harness.FindEntry(c.Entry); err != nil || !e.Info().Can(c) {
			t.Errorf("%v cannot be measured: %v", c, err)
		}
	}
	if _, err := GrowthCells("hair"); err == nil || !strings.Contains(err.Error(), "callers") {
		t.Errorf("error %v", err)
	}
}
