package main

import (
	"math"
	"slices"
)

// metric is a figure of a record. It is NaN where the record does not tell.
type metric func(Record) float64

func perCall(n float64, r Record) float64 {
	if r.Calls == 0 {
		return math.NaN()
	}
	return n / float64(r.Calls)
}

func callsPerSecond(r Record) float64 { return float64(r.Calls) / r.Window.Seconds() }
func p50Millis(r Record) float64      { return r.P50.Seconds() * 1e3 }
func p99Millis(r Record) float64      { return r.P99.Seconds() * 1e3 }
func allocs(r Record) float64         { return perCall(float64(r.Client.Mallocs), r) }
func allocBytes(r Record) float64     { return perCall(float64(r.Client.Bytes), r) }
func serverAllocs(r Record) float64   { return perCall(float64(r.Server.Mallocs), r) }

// cpuPer100k is the CPU seconds of both sides for 100,000 calls.
func cpuPer100k(r Record) float64 {
	return perCall((r.Client.CPU+r.Server.CPU).Seconds()*1e5, r)
}

// clientBatch is how many requests went into one write of the client.
func clientBatch(r Record) float64 { return callsPerWrite(r, r.Client.Writes) }

// serverBatch is how many answers went into one write of the server.
func serverBatch(r Record) float64 { return callsPerWrite(r, r.Server.Writes) }

func callsPerWrite(r Record, writes uint64) float64 {
	if e, err := findEntry(r.Entry); err != nil || e.Info().NoWrites || writes == 0 {
		return math.NaN()
	}
	return float64(r.Calls) / float64(writes)
}

// medianOf is the metric's median over the rounds of a cell; NaN if none
// succeeded.
func medianOf(records []Record, cell Cell, m metric) float64 {
	var values []float64
	for _, r := range records {
		if r.Cell == cell && r.Err == "" {
			values = append(values, m(r))
		}
	}
	return median(values)
}

// ratioOf is the median of the ratios of calls per second of two cells in the
// same round; NaN if they never met.
func ratioOf(records []Record, cell, against Cell) float64 {
	rates := map[int]float64{}
	for _, r := range records {
		if r.Cell == against && r.Err == "" {
			rates[r.Round] = callsPerSecond(r)
		}
	}
	var ratios []float64
	for _, r := range records {
		if rate := rates[r.Round]; r.Cell == cell && r.Err == "" && rate > 0 {
			ratios = append(ratios, callsPerSecond(r)/rate)
		}
	}
	return median(ratios)
}

func median(values []float64) float64 {
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
