package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/muxkit/muxkit/examples/muxbench/contenders"
	"github.com/muxkit/muxkit/examples/muxbench/harness"
	"github.com/muxkit/muxkit/internal/bounded"
)

// TestEveryContenderEchoes measures each contender for a moment, in two processes, each of
// its entries, networks and sizes once. Callers check the nonces.
func TestEveryContenderEchoes(t *testing.T) {
	b := testBench(t)
	slots := make(chan struct{}, 4)
	for _, e := range harness.Entries() {
		for _, cell := range oneDifference(e) {
			t.Run(cell.String(), func(t *testing.T) {
				t.Parallel()
				slots <- struct{}{}
				defer func() { bounded.Receive(t, slots) }()
				r := b.Measure(cell)
				// On a busy machine the window may be over too soon. Every caller has
				// had a right answer in the warm-up.
				if r.Err != "" && r.Err != harness.ErrNoCalls.Error() {
					t.Error(r.Err)
				}
			})
		}
	}
}

// oneDifference is the cell of small frames on the entry's first network, and each of those
// that differ from it in one thing: networks, sizes and contexts know nothing of each other.
func oneDifference(e harness.Entry) []harness.Cell {
	nets := e.Info().Networks()
	cell := harness.Cell{Entry: e.Name, Net: nets[0], Size: 128, Callers: 9}
	cells := []harness.Cell{cell}
	if !e.Usual() {
		return cells
	}
	for _, cell.Net = range nets[1:] {
		cells = append(cells, cell)
	}
	cell.Net, cell.Size = nets[0], 64<<10
	return append(cells, cell)
}

// TestLargeBesideSmall: those who say that they can answer with bulk do, beside small calls
// in an open loop, and one of them does over each network.
func TestLargeBesideSmall(t *testing.T) {
	b := testBench(t)
	for _, network := range []string{harness.TCP, harness.TLS, harness.Relay, harness.Link} {
		for _, e := range harness.Entries() {
			c := harness.On(e.Name, 128, 5)
			c.Net, c.Rate, c.Bulk = network, 200, harness.Bulk{Callers: 2, Size: 5 << 20}
			if !e.Usual() || !e.Info().Can(c) || network != harness.TCP && e.Name != "muxkit-client" {
				continue
			}
			t.Run(c.String(), func(t *testing.T) {
				r := b.Measure(c)
				if network == harness.Link && os.Geteuid() != 0 {
					if !strings.Contains(r.Err, "needs root") {
						t.Errorf("without root: %q", r.Err)
					}
					return
				}
				if r.Err != "" && r.Err != harness.ErrNoCalls.Error() {
					t.Error(r.Err)
				}
			})
		}
	}
}

func testBench(t *testing.T) *harness.Bench {
	b, err := harness.NewBench(io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	b.Duration, b.Warmup = 40*time.Millisecond, 20*time.Millisecond
	return b
}

func TestPinned(t *testing.T) {
	if r := testBench(t).Measure(harness.Cell{Entry: "raw", Net: "tcp", Size: 128, Callers: 1, Pinned: true}); r.Err != "" && r.Err != harness.ErrNoCalls.Error() {
		t.Error(r.Err)
	}
}

func TestNamesAreUnique(t *testing.T) {
	names := harness.EntryNames(harness.Entries())
	slices.Sort(names)
	if unique := slices.Compact(slices.Clone(names)); len(unique) != len(names) {
		t.Errorf("a name comes twice: %v", names)
	}
}

func TestSelectEntries(t *testing.T) {
	for patterns, want := range map[string][]string{
		"raw":               {"raw"},
		"raw,pipe,raw":      {"raw", "pipe"},
		"trpc*+bg":          {"trpc+bg", "trpc-bufio+bg"},
		"trpc*,trpc":        {"trpc", "trpc+deadline", "trpc+bg", "trpc-bufio", "trpc-bufio+deadline", "trpc-bufio+bg"},
		"nats+bg,nats,pipe": {"nats+bg", "nats", "pipe"},
	} {
		got, err := harness.SelectEntries(patterns)
		if err != nil || !slices.Equal(harness.EntryNames(got), want) {
			t.Errorf("%q selects %v (%v), want %v", patterns, harness.EntryNames(got), err, want)
		}
	}
	byDefault, err := harness.SelectEntries("")
	alone := 0 // those that need no other program
	for _, c := range contenders.All {
		if c.Info().Program == "" {
			alone++
		}
	}
	if err != nil || len(byDefault) != alone || alone == len(contenders.All) {
		t.Errorf("by default %d of %d contenders are selected, %d need no other program (%v)", len(byDefault), len(contenders.All), alone, err)
	}
}

// TestFailuresDoNotEndARun: others are measured, and the failed one is named.
func TestFailuresDoNotEndARun(t *testing.T) {
	b := testBench(t)
	var log bytes.Buffer
	b.Log = &log
	file := filepath.Join(t.TempDir(), "run.json")
	cells := []harness.Cell{{Entry: "check-broken", Net: "tcp", Size: 128, Callers: 1}, {Entry: "raw", Net: "tcp", Size: 128, Callers: 1}}
	r, err := b.Rounds(cells, 1, file)
	if err != nil || len(r.Records) != 2 || r.Failed() == nil {
		t.Errorf("%d records, error %v, failed %v", len(r.Records), err, r.Failed())
	}
	for _, want := range []string{"check-broken tcp 128 B c=1", "broken on purpose", "raw tcp 128 B c=1"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("no %q in:\n%s", want, &log)
		}
	}
	if saved, err := harness.LoadResults(file); err != nil || len(saved.Records) != 2 {
		t.Errorf("%d records saved (%v)", len(saved.Records), err)
	}
}
