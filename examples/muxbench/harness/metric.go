package harness

import (
	"math"
	"slices"
)

// Metric is a figure of a record. It is NaN where the record does not tell.
type Metric func(Record) float64

func PerCall(n float64, r Record) float64 {
	if r.Calls == 0 {
		return math.NaN()
	}
	return n / float64(r.Calls)
}

func CallsPerSecond(r Record) float64 { return float64(r.Calls) / r.Window.Seconds() }
func P50Millis(r Record) float64      { return r.P50.Seconds() * 1e3 }
func P99Millis(r Record) float64      { return r.P99.Seconds() * 1e3 }
func Allocs(r Record) float64         { return PerCall(float64(r.Client.Mallocs), r) }
func AllocBytes(r Record) float64     { return PerCall(float64(r.Client.Bytes), r) }
func ServerAllocs(r Record) float64   { return PerCall(float64(r.Server.Mallocs), r) }

// CPUPer100k is the CPU seconds of both sides for 100,000 calls.
func CPUPer100k(r Record) float64 {
	return PerCall((r.Client.CPU+r.Server.CPU).Seconds()*1e5, r)
}

// CPUMicros is the CPU time of both sides for a call, in microseconds.
func CPUMicros(r Record) float64 {
	return PerCall(float64((r.Client.CPU + r.Server.CPU).Microseconds()), r)
}

// TailOverMiddle is p99 over p50.
func TailOverMiddle(r Record) float64 { return r.P99.Seconds() / r.P50.Seconds() }

// LargePerSecond is how many large answers came a second, beside the small ones.
func LargePerSecond(r Record) float64 { return float64(r.Large.Calls) / r.Window.Seconds() }

// ClientBatch is how many requests went into one write of the client.
func ClientBatch(r Record) float64 { return callsPerWrite(r, r.Client.Writes) }

// ServerBatch is how many answers went into one write of the server.
func ServerBatch(r Record) float64 { return callsPerWrite(r, r.Server.Writes) }

func callsPerWrite(r Record, writes uint64) float64 {
	if e, err := FindEntry(r.Entry); err != nil || e.Info().NoWrites || writes == 0 {
		return math.NaN()
	}
	return float64(r.Calls) / float64(writes)
}

// MedianOf is the metric's median over the rounds of a cell; NaN if none
// succeeded.
func MedianOf(records []Record, cell Cell, m Metric) float64 {
	var values []float64
	for _, r := range records {
		if r.Cell == cell && r.Err == "" {
			values = append(values, m(r))
		}
	}
	return Median(values)
}

// RatioOf is the median of the ratios of a metric of two cells in the same round; NaN if
// they never met.
func RatioOf(records []Record, cell, against Cell, m Metric) float64 {
	others := map[int]float64{}
	for _, r := range records {
		if r.Cell == against && r.Err == "" {
			others[r.Round] = m(r)
		}
	}
	var ratios []float64
	for _, r := range records {
		if other := others[r.Round]; r.Cell == cell && r.Err == "" && other > 0 {
			ratios = append(ratios, m(r)/other)
		}
	}
	return Median(ratios)
}

// Median leaves out NaN, and is NaN of nothing.
func Median(values []float64) float64 {
	values = slices.DeleteFunc(slices.Clone(values), math.IsNaN)
	if len(values) == 0 {
		return math.NaN()
	}
	slices.Sort(values)
	mid := len(values) / 2
	if len(values)%2 == 1 {
		return values[mid]
	}
	return (values[mid-1] + values[mid]) / 2
}
