package harness

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// Rounds measures every cell once a round, in an order that is shuffled for each
// group of cells that share a load, so that contenders to compare run one after
// the other and none has a place of its own. A cell that fails is told, and does
// not keep the others from being measured. What there is after each round is
// saved in the file, if one is named.
func (b *Bench) Rounds(cells []Cell, rounds int, file string) (Results, error) {
	results := Results{Machine: thisMachine()}
	results.Machine.Procs = b.Procs
	cells, results.LeftOut = b.possible(cells)
	clock := b.newForecast(cells, rounds)
	fmt.Fprintf(b.Log, "%d cells, %d rounds: %v at least\n", len(cells), rounds, clock.left.Round(time.Second))
	for round := range rounds {
		for _, i := range shuffledGroups(cells) {
			r := b.inRound(cells[i], round, results.Records)
			results.Records = append(results.Records, r)
			end := clock.finished(b.estimate(cells[i]))
			fmt.Fprintf(b.Log, "[%d/%d, until %s] %s\n", len(results.Records), len(cells)*rounds, end.Format(time.TimeOnly), progress(r))
		}
		if file != "" {
			if err := results.Save(file); err != nil {
				return results, err
			}
		}
	}
	return results, nil
}

// inRound measures a cell in a round. If its rate is a share of a maximum, that was
// measured in the same round.
func (b *Bench) inRound(c Cell, round int, records []Record) Record {
	offered := 0
	if c.Percent > 0 {
		at := slices.IndexFunc(records, func(r Record) bool { return r.Round == round && r.Cell == c.maximum() && r.Err == "" })
		if at < 0 {
			return Record{Cell: c, Round: round, Err: "its maximum was not measured in this round"}
		}
		offered = int(CallsPerSecond(records[at]) * float64(c.Percent) / 100)
	}
	r := b.measureAt(c, offered)
	r.Round = round
	return r
}

// shuffledGroups returns the indices of cells, shuffled within each run of
// neighbours that differ in nothing but the entry.
func shuffledGroups(cells []Cell) []int {
	order := make([]int, len(cells))
	for i := range order {
		order[i] = i
	}
	for start := 0; start < len(cells); {
		end := start + 1
		for end < len(cells) && cells[end].Load() == cells[start].Load() {
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
		r.Round+1, r.Cell, CallsPerSecond(r), r.P50.Round(time.Microsecond), r.P99.Round(time.Microsecond), Allocs(r), CPUPer100k(r))
}

// processTime is what two processes take to start, connect and end.
const processTime = 150 * time.Millisecond

// estimate is how long the measurement of a cell takes on an idle machine.
func (b *Bench) estimate(c Cell) time.Duration {
	t := b.warmUp(c) + b.window(c) + processTime
	if c.Nodes > 0 {
		t += 2*b.Duration + nodesSettle*b.Warmup
	}
	return t
}

// forecast tells when a run will end: the time estimated for what is left,
// stretched as what is done has been.
type forecast struct {
	start      time.Time
	done, left time.Duration // estimated
}

func (b *Bench) newForecast(cells []Cell, rounds int) *forecast {
	f := &forecast{start: time.Now()}
	for _, c := range cells {
		f.left += time.Duration(rounds) * b.estimate(c)
	}
	return f
}

// Forecast is how long rounds of cells take at least.
func (b *Bench) Forecast(cells []Cell, rounds int) time.Duration {
	return b.newForecast(cells, rounds).left.Round(time.Second)
}

// finished notes the end of what was estimated to take d, and returns the end of
// the run.
func (f *forecast) finished(d time.Duration) time.Time {
	f.done, f.left = f.done+d, f.left-d
	stretch := float64(time.Since(f.start)) / float64(f.done)
	return time.Now().Add(time.Duration(float64(f.left) * stretch))
}
