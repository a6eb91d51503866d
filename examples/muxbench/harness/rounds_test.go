package harness

import (
	"fmt"
	"math"
	"path/filepath"
	"slices"
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
	if got := RatioOf(records, fast, slow, CallsPerSecond); got != 4.5 {
		t.Errorf("ratio %v, want the median of 4 and 5", got)
	}
	if got := MedianOf(records, fast, CallsPerSecond); got != 400 {
		t.Errorf("median %v", got)
	}
	if got := RatioOf(records, fast, Cell{Entry: "grpc"}, CallsPerSecond); !math.IsNaN(got) {
		t.Errorf("ratio to what was not measured: %v", got)
	}
}

func TestForecast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := Bench{Warmup: time.Second, Duration: 2 * time.Second}
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

func TestRunsCountOn(t *testing.T) {
	dir, cell := t.TempDir(), Cell{Entry: "muxkit"}
	var files []string
	for i, rate := range []uint64{100, 300, 200} {
		r := Results{Machine: Machine{CPU: "one"}, Records: rates(cell, rate, rate)}
		if i == 2 {
			r.Machine.CPU = "another"
		}
		files = append(files, filepath.Join(dir, fmt.Sprint(i)))
		if err := r.Save(files[i]); err != nil {
			t.Fatal(err)
		}
	}
	r, err := LoadAll(files[:2])
	if err != nil || len(r.Records) != 4 || r.Records[3].Round != 3 || r.Records[3].Calls != 300 {
		t.Errorf("%v, %v", r.Records, err)
	}
	if _, err := LoadAll(files); err == nil {
		t.Error("two machines are taken for one")
	}
}
