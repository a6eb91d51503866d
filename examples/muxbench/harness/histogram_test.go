package harness

import (
	"testing"
	"time"
)

func TestHistogramBucketsAreNarrowAndInOrder(t *testing.T) {
	for ns := uint64(1); ns < 1<<41; ns += 1 + ns/7 {
		i := bucketOf(ns)
		low, high := bucketStart(i), bucketStart(i+1)
		if ns < low || ns >= high {
			t.Fatalf("%d ns is in bucket %d, which is %d to %d", ns, i, low, high)
		}
		if width := high - low; width > 1 && width > low/64 {
			t.Fatalf("bucket %d from %d is %d wide", i, low, width)
		}
	}
}

func TestHistogramQuantiles(t *testing.T) {
	var h, part histogram
	if got := h.quantile(0.5); got != 0 {
		t.Errorf("an empty histogram has median %v", got)
	}
	for i := 1; i <= 1000; i++ {
		part.add(time.Duration(i)*time.Microsecond, 1)
	}
	part.add(time.Hour*9, 0)
	h.merge(&part)
	for q, want := range map[float64]time.Duration{0.5: 500 * time.Microsecond, 0.99: 990 * time.Microsecond, 1: time.Millisecond} {
		if got := h.quantile(q); got < want*63/64 || got > want*65/64 {
			t.Errorf("quantile %v is %v, want about %v", q, got, want)
		}
	}
}
