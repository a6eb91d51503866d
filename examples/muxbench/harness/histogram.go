package harness

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// histogram counts durations in buckets that are at most 1/64 wide: 64 to each
// doubling. The zero value is ready to use. Its adds are safe for concurrent use
// with each other, and with nothing else.
type histogram struct {
	buckets [histogramSize]atomic.Uint64
}

const (
	subBits       = 6
	histogramSize = (42 - subBits + 1) << subBits // up to 2^42 ns, 73 minutes
)

// add counts d weight times.
func (h *histogram) add(d time.Duration, weight int) {
	h.buckets[bucketOf(uint64(max(0, d)))].Add(uint64(weight))
}

func (h *histogram) merge(o *histogram) {
	for i := range o.buckets {
		h.buckets[i].Add(o.buckets[i].Load())
	}
}

// count is how many durations were added.
func (h *histogram) count() uint64 {
	var sum uint64
	for i := range h.buckets {
		sum += h.buckets[i].Load()
	}
	return sum
}

// quantile returns the middle of the bucket that holds quantile q, 0 < q <= 1;
// 0 of an empty histogram.
func (h *histogram) quantile(q float64) time.Duration {
	count := h.count()
	rank := uint64(q * float64(count))
	var seen uint64
	for i := range h.buckets {
		n := h.buckets[i].Load()
		if seen += n; n > 0 && (seen > rank || seen == count) {
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
