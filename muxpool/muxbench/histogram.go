package main

import (
	"math/bits"
	"time"
)

// histogram counts durations in buckets that are at most 1/16 wide: 16 to each
// doubling. The zero value is ready to use.
type histogram struct {
	buckets [histogramSize]uint64
	count   uint64
}

const (
	subBits       = 4
	histogramSize = (42 - subBits + 1) << subBits // up to 2^42 ns, 73 minutes
)

// add counts d weight times.
func (h *histogram) add(d time.Duration, weight int) {
	h.buckets[bucketOf(uint64(max(0, d)))] += uint64(weight)
	h.count += uint64(weight)
}

func (h *histogram) merge(o *histogram) {
	for i, n := range o.buckets {
		h.buckets[i] += n
	}
	h.count += o.count
}

// quantile returns the middle of the bucket that holds quantile q, 0 < q <= 1;
// 0 of an empty histogram.
func (h *histogram) quantile(q float64) time.Duration {
	rank := uint64(q * float64(h.count))
	var seen uint64
	for i, n := range h.buckets {
		if seen += n; n > 0 && (seen > rank || seen == h.count) {
			return time.Duration((bucketStart(i) + bucketStart(i+1)) / 2)
		}
	}
	return 0
}

// bucketOf numbers buckets so that the top subBits+1 bits of ns tell them apart.
func bucketOf(ns uint64) int {
	if ns < 1<<subBits {
		return int(ns)
	}
	shift := bits.Len64(ns) - subBits - 1
	return min(histogramSize-1, shift<<subBits+int(ns>>shift))
}

// bucketStart is the smallest value of a bucket.
func bucketStart(i int) uint64 {
	if i < 2<<subBits {
		return uint64(i)
	}
	shift := i>>subBits - 1
	return uint64(i-shift<<subBits) << shift
}
