package endpoint

import (
	"context"
	"math"
	"testing"
	"testing/synctest"
	"time"
)

func TestBackoffBoundDoublesUpToTheLimit(t *testing.T) {
	b := backoff{5 * time.Millisecond, 50 * time.Millisecond}
	for i, want := range []time.Duration{5, 10, 20, 40, 50, 50} {
		equal(t, "bound", b.bound(i+1), want*time.Millisecond)
	}
	equal(t, "bound after many retries", b.bound(1000), 50*time.Millisecond)
	equal(t, "no overflow", backoff{1, math.MaxInt64}.bound(1000), math.MaxInt64)
}

func TestBackoffHasFullJitter(t *testing.T) {
	b := backoff{80 * time.Millisecond, 80 * time.Millisecond}
	var quarters [4]int
	for range 4000 {
		w := b.wait(1)
		if w < 0 || w > b.limit {
			t.Fatalf("wait %v", w)
		}
		quarters[min(3, w/(20*time.Millisecond))]++
	}
	for _, n := range quarters {
		if n < 700 {
			t.Errorf("waits by quarter of the bound: %v of 4000", quarters)
		}
	}
}

func TestSleepEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		if err := sleep(t.Context(), time.Second); err != nil || time.Since(begin) != time.Second {
			t.Errorf("slept %v, %v", time.Since(begin), err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		mustBe(t, sleep(ctx, time.Hour), context.DeadlineExceeded)
	})
}
