package main

import (
	"bytes"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// rates are records of one cell, a round each.
func rates(c Cell, perSecond ...uint64) []Record {
	var records []Record
	for round, n := range perSecond {
		records = append(records, Record{Cell: c, Round: round, Window: time.Second, Calls: n})
	}
	return records
}

func TestRatioIsTakenInsideARound(t *testing.T) {
	fast, slow := Cell{Entry: "muxkit"}, Cell{Entry: "trpc"}
	// The machine is ten times slower in the second round, and the third of slow failed.
	records := append(rates(fast, 400, 50, 900), rates(slow, 100, 10, 1)...)
	records[5].Err = "killed"
	if got := ratioOf(records, fast, slow); got != 4.5 {
		t.Errorf("ratio %v, want the median of 4 and 5", got)
	}
	if got := medianOf(records, fast, callsPerSecond); got != 400 {
		t.Errorf("median %v", got)
	}
	if got := ratioOf(records, fast, Cell{Entry: "grpc"}); !math.IsNaN(got) {
		t.Errorf("ratio to what was not measured: %v", got)
	}
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
	printTargets(&out, append(rates(first.Cell, 200), rates(first.Against, 100)...))
	if line := strings.SplitN(out.String(), "\n", 3)[1]; !strings.Contains(line, "2.00") || !strings.Contains(line, " met ") {
		t.Errorf("line %q", line)
	}
}

// TestEveryTargetCanBeMeasured finds targets and costs that speak of entries that
// are not there.
func TestEveryTargetCanBeMeasured(t *testing.T) {
	var cells []Cell
	for _, target := range targets() {
		cells = append(cells, target.Cell)
		if target.Metric == nil {
			cells = append(cells, target.Against)
		}
	}
	for _, row := range costRows {
		a, b := row.cells(128, 64)
		cells = append(cells, a, b)
	}
	full := fullPlan()
	for _, c := range cells {
		e, err := findEntry(c.Entry)
		if err != nil || !e.Info().runsOn(c.Net) {
			t.Errorf("%v cannot be measured: %v", c, err)
		}
		if !slices.Contains(full, c) {
			t.Errorf("-full leaves out %v", c)
		}
	}
}

func TestMergeLoads(t *testing.T) {
	a, b := Cell{Entry: "a", Size: 1}, Cell{Entry: "b", Size: 1}
	c := Cell{Entry: "a", Size: 2}
	if got := mergeLoads([]Cell{a, c, b, a}); !slices.Equal(got, []Cell{a, b, c}) {
		t.Errorf("%v", got)
	}
}

func TestForecast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bench{warmup: time.Second, duration: 2 * time.Second}
		cells := []Cell{{Entry: "a"}, {Entry: "b", Nodes: 3}}
		f := b.newForecast(cells, 2)
		time.Sleep(2 * b.estimate(cells[0])) // it takes twice as long as estimated
		end := f.finished(b.estimate(cells[0]))
		want := 2 * (b.estimate(cells[0]) + 2*b.estimate(cells[1]))
		if got := time.Until(end).Round(time.Millisecond); got != want {
			t.Errorf("%v are left, want %v", got, want)
		}
	})
}

// TestFailuresDoNotEndARun: others are measured, and the failed one is named.
func TestFailuresDoNotEndARun(t *testing.T) {
	b := testBench(t)
	var log bytes.Buffer
	b.log = &log
	file := filepath.Join(t.TempDir(), "run.json")
	cells := []Cell{{Entry: "check-broken", Net: "tcp", Size: 128, Callers: 1}, {Entry: "raw", Net: "tcp", Size: 128, Callers: 1}}
	r, err := b.rounds(cells, 1, file)
	if err != nil || len(r.Records) != 2 || r.failed() == nil {
		t.Errorf("%d records, error %v, failed %v", len(r.Records), err, r.failed())
	}
	for _, want := range []string{"check-broken tcp 128 B c=1", "broken on purpose", "raw tcp 128 B c=1"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("no %q in:\n%s", want, &log)
		}
	}
	if saved, err := loadResults(file); err != nil || len(saved.Records) != 2 {
		t.Errorf("%d records saved (%v)", len(saved.Records), err)
	}
}

func TestShuffledGroupsKeepsLoadsTogether(t *testing.T) {
	cells := []Cell{{Entry: "a", Size: 1}, {Entry: "b", Size: 1}, {Entry: "c", Size: 1}, {Entry: "a", Size: 2}, {Entry: "b", Size: 2}}
	for range 20 {
		order := shuffledGroups(cells)
		first, second := slices.Sorted(slices.Values(order[:3])), slices.Sorted(slices.Values(order[3:]))
		if !slices.Equal(first, []int{0, 1, 2}) || !slices.Equal(second, []int{3, 4}) {
			t.Fatalf("order %v", order)
		}
	}
}

func TestFillSections(t *testing.T) {
	r := Results{Records: rates(Cell{"raw", "tcp", 128, 8, false, 0}, 29_700)}
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
		out, err := fillSections([]byte(in), Results{Machine: Machine{Procs: procs}}, nil)
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
	out, err := fillSections([]byte(in), Results{}, []string{"targets"})
	if err != nil || strings.Contains(string(out), "stale") || !strings.Contains(string(out), "kept") {
		t.Errorf("%v:\n%s", err, out)
	}
	if _, err := fillSections([]byte(in), Results{}, []string{"target"}); err == nil {
		t.Error("no error for a section that is not there")
	}
}

func TestTableTellsFailures(t *testing.T) {
	var out bytes.Buffer
	ok, broken := rates(Cell{"raw", "tcp", 128, 8, false, 0}, 1000), rates(Cell{"pipe", "tcp", 128, 8, false, 0}, 0)
	broken[0].Err = "no answer"
	printTable(&out, append(ok, broken...))
	printFailures(&out, append(ok, broken...))
	for _, want := range []string{"1.00", "raw", "failed in round 1: pipe tcp 128 B c=8: no answer"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in:\n%s", want, &out)
		}
	}
}

func TestLimitSection(t *testing.T) {
	cell := func(entry string) Cell { return Cell{entry, "tcp", 128, 64, false, 0} }
	records := rates(cell(muxkitClient+withDeadline), 300_000)
	records = append(records, rates(cell("gokit-grpc"), 30_000)...)
	records = append(records, rates(cell(muxkitHandClient+withDeadline), 400_000)...)
	var out bytes.Buffer
	limitSection(&out, Results{Records: records})
	if want := "| gokit-grpc, c=64 | 10 | 10.0 | - | 13.3 | - | 0.75 | - |\n"; !strings.Contains(out.String(), want) {
		t.Errorf("no %q in:\n%s", want, &out)
	}
}

func TestRunsCountOn(t *testing.T) {
	dir, cell := t.TempDir(), Cell{Entry: "muxkit"}
	var files []string
	for i, rate := range []uint64{100, 300, 200} {
		r := Results{Machine: Machine{CPU: "one"}, Records: rates(cell, rate, rate)}
		if i == 2 {
			r.Machine.CPU = "another"
		}
		files = append(files, filepath.Join(dir, fmt.Sprint(i)))
		if err := r.save(files[i]); err != nil {
			t.Fatal(err)
		}
	}
	r, err := loadAll(files[:2])
	if err != nil || len(r.Records) != 4 || r.Records[3].Round != 3 || r.Records[3].Calls != 300 {
		t.Errorf("%v, %v", r.Records, err)
	}
	if _, err := loadAll(files); err == nil {
		t.Error("two machines are taken for one")
	}
}
