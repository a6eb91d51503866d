package main

import (
	"io"
	"slices"
	"testing"
	"time"
)

// TestEveryContenderEchoes measures each contender for a moment, in each mode,
// at each size and on each network that it has, in two processes. Callers check
// the nonces.
func TestEveryContenderEchoes(t *testing.T) {
	b := testBench(t)
	slots := make(chan struct{}, 4)
	for _, e := range entries() {
		for _, network := range e.Info().networks() {
			for _, size := range append(largeSizes, 128) {
				cell := Cell{e.Name, network, size, 9, false, 0}
				t.Run(cell.String(), func(t *testing.T) {
					t.Parallel()
					slots <- struct{}{}
					defer func() { <-slots }()
					r := b.measure(cell)
					// On a busy machine the window may be over too soon. Every caller has
					// had a right answer in the warm-up.
					if r.Err != "" && r.Err != errNoCalls.Error() {
						t.Error(r.Err)
					}
				})
			}
		}
	}
}

func testBench(t *testing.T) *bench {
	b, err := newBench(io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.close(); err != nil {
			t.Error(err)
		}
	})
	b.duration, b.warmup = 40*time.Millisecond, 20*time.Millisecond
	return b
}

func TestPinned(t *testing.T) {
	if r := testBench(t).measure(Cell{"raw", "tcp", 128, 1, true, 0}); r.Err != "" && r.Err != errNoCalls.Error() {
		t.Error(r.Err)
	}
}

func TestNamesAreUnique(t *testing.T) {
	names := entryNames(append(entries(), checkEntries()...))
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
		got, err := selectEntries(patterns)
		if err != nil || !slices.Equal(entryNames(got), want) {
			t.Errorf("%q selects %v (%v), want %v", patterns, entryNames(got), err, want)
		}
	}
	byDefault, err := selectEntries("")
	if err != nil || len(byDefault) != len(contenders) {
		t.Errorf("by default %d of %d contenders are selected (%v)", len(byDefault), len(contenders), err)
	}
}
