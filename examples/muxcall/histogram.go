package main

import (
	"math"
	"math/bits"
	"time"
)

// histogram counts durations in buckets that are at most 1/32 wide: whatever is counted,
// it takes the same 10 KiB. The zero value is ready; the user locks it.
type histogram struct {
	buckets [histogramSize]uint64
	count   uint64
	longest time.Duration
}

const (
	subBits       = 5
	histogramSize = (45 - subBits) << subBits // up to 2^44 ns, 4.9 hours
)

func (h *histogram) add(d time.Duration) {
	d = max(d, 0)
	h.buckets[bucketOf(uint64(d))]++
	h.count++
	h.longest = max(h.longest, d)
}

// quantile returns a duration of which at least the part q, 0 < q <= 1, is not longer, and
// which is at most 1/32 longer than the shortest such; 0 if nothing was counted.
func (h *histogram) quantile(q float64) time.Duration {
	rank := uint64(math.Ceil(q * float64(h.count)))
	var seen uint64
	for i, n := range h.buckets {
		if seen += n; n > 0 && seen >= rank && i < histogramSize-1 {
			return min(time.Duration(bucketEnd(i)), h.longest)
		}
	}
	return h.longest // also for what is beyond the last bucket that has an end
}

// bucketOf numbers buckets so that the upper subBits+1 bits of ns tell them apart.
func bucketOf(ns uint64) int {
	shift := max(0, bits.Len64(ns)-subBits-1)
	return min(histogramSize-1, shift<<subBits+int(ns>>shift))
}

// bucketEnd is the largest value of a bucket.
func bucketEnd(i int) uint64 {
	shift := max(0, i>>subBits-1)
	return uint64(i-shift<<subBits+1)<<shift - 1
}
