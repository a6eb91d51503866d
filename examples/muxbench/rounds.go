package main

import (
	"fmt"
	"io"
	"math/rand/v2"
	"time"
)

// rounds measures every cell once a round, in an order that is shuffled for each
// group of cells that share a load, so that contenders to compare run one after
// the other and none has a place of its own. A cell that fails is told, and does
// not keep the others from being measured. What there is after each round is
// saved in the file, if one is named.
func (b *bench) rounds(cells []Cell, rounds int, file string) (Results, error) {
	results := Results{Machine: thisMachine()}
	results.Machine.Procs = b.procs
	clock := b.newForecast(cells, rounds)
	fmt.Fprintf(b.log, "%d cells, %d rounds: %v at least\n", len(cells), rounds, clock.left.Round(time.Second))
	for round := range rounds {
		for _, i := range shuffledGroups(cells) {
			r := b.measure(cells[i])
			r.Round = round
			results.Records = append(results.Records, r)
			end := clock.finished(b.estimate(cells[i]))
			fmt.Fprintf(b.log, "[%d/%d, until %s] %s\n", len(results.Records), len(cells)*rounds, end.Format(time.TimeOnly), progress(r))
		}
		if file != "" {
			if err := results.save(file); err != nil {
				return results, err
			}
		}
	}
	return results, nil
}

// shuffledGroups returns the indices of cells, shuffled within each run of
// neighbours that differ in nothing but the entry.
func shuffledGroups(cells []Cell) []int {
	order := make([]int, len(cells))
	for i := range order {
		order[i] = i
	}
	load := func(i int) Cell {
		c := cells[i]
		c.Entry = ""
		return c
	}
	for start := 0; start < len(cells); {
		end := start + 1
		for end < len(cells) && load(end) == load(start) {
			end++
		}
		group := order[start:end]
		rand.Shuffle(len(group), func(i, j int) { group[i], group[j] = group[j], group[i] })
		start = end
	}
	return order
}

func progress(r Record) string {
	if r.Err != "" {
		return fmt.Sprintf("round %d  %-40v FAILED: %s", r.Round+1, r.Cell, r.Err)
	}
	return fmt.Sprintf("round %d  %-40v %9.0f calls/s  p50 %-9v p99 %-9v %5.1f allocs  %5.2f cpu s/100k",
		r.Round+1, r.Cell, callsPerSecond(r), r.P50.Round(time.Microsecond), r.P99.Round(time.Microsecond), allocs(r), cpuPer100k(r))
}

// processTime is what two processes take to start, connect and end.
const processTime = 150 * time.Millisecond

// estimate is how long the measurement of a cell takes on an idle machine.
func (b *bench) estimate(c Cell) time.Duration {
	t := b.warmup + b.duration + processTime
	if c.Nodes > 0 {
		t += 2*b.duration + nodesSettle*b.warmup
	}
	return t
}

// forecast tells when a run will end: the time estimated for what is left,
// stretched as what is done has been.
type forecast struct {
	start      time.Time
	done, left time.Duration // estimated
}

func (b *bench) newForecast(cells []Cell, rounds int) *forecast {
	f := &forecast{start: time.Now()}
	for _, c := range cells {
		f.left += time.Duration(rounds) * b.estimate(c)
	}
	return f
}

// finished notes the end of what was estimated to take d, and returns the end of
// the run.
func (f *forecast) finished(d time.Duration) time.Time {
	f.done, f.left = f.done+d, f.left-d
	stretch := float64(time.Since(f.start)) / float64(f.done)
	return time.Now().Add(time.Duration(float64(f.left) * stretch))
}

// printPlan lists what would be measured.
func (s settings) printPlan(w io.Writer) error {
	cells, err := s.cells()
	if err != nil {
		return err
	}
	for _, c := range cells {
		fmt.Fprintln(w, c)
	}
	b := bench{warmup: s.warmup, duration: s.duration}
	fmt.Fprintf(w, "%d cells, %d rounds: %v at least\n", len(cells), s.rounds, b.newForecast(cells, s.rounds).left.Round(time.Second))
	return nil
}
