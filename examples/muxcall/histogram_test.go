package main

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestQuantiles(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var h histogram
	var all []time.Duration
	for range 10_000 {
		d := time.Duration(rng.ExpFloat64() * float64(rng.Int64N(int64(time.Minute))))
		h.add(d)
		all = append(all, d)
	}
	slices.Sort(all)
	for _, q := range []float64{0.0001, 0.5, 0.9, 0.99, 0.999, 1} {
		want := all[max(0, int(q*10_000)-1)]
		if got := h.quantile(q); got < want || got > want+want/32+1 {
			t.Errorf("quantile %v is %v, want %v", q, got, want)
		}
	}
}

func TestBuckets(t *testing.T) {
	for i := range histogramSize - 1 {
		if end := bucketEnd(i); bucketOf(end) != i || bucketOf(end+1) != i+1 {
			t.Fatalf("bucket %d ends at %d, which is in %d, and the next in %d", i, end, bucketOf(end), bucketOf(end+1))
		}
	}
	var h histogram
	if h.quantile(0.5) != 0 {
		t.Error("an empty histogram has a median")
	}
	h.add(-time.Second)
	h.add(1000 * time.Hour)
	if h.quantile(0.5) != 0 || h.quantile(1) != 1000*time.Hour {
		t.Errorf("p50 %v, max %v", h.quantile(0.5), h.quantile(1))
	}
}
