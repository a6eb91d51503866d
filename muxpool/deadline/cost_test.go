package deadline_test

import (
	"context"
	"testing"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool/deadline"
)

func TestAllocations(t *testing.T) {
	parent := t.Context()
	allocs := bounded.Allocs(1000, func() {
		ctx, cancel := deadline.WithTimeout(parent, time.Minute)
		defer cancel()
		if ctx.Err() != nil || ctx.Value(t) != nil { // a value is the parent's
			t.Error("it has ended, or has a value")
		}
	})
	if allocs > 1 {
		t.Errorf("%v allocations for a context that nobody waits for, at most 1 is allowed", allocs)
	}
}

// BenchmarkWithTimeout is what a call pays that ends before its deadline, and whose
// callee does not ask for Done.
func BenchmarkWithTimeout(b *testing.B) {
	b.Run("deadline", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			ctx, cancel := deadline.WithTimeout(context.Background(), time.Minute)
			sink = ctx
			cancel()
		}
	})
	b.Run("context", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			sink = ctx
			cancel()
		}
	})
}

var sink context.Context
