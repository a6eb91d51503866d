package endpoint

import (
	"math"
	"sync/atomic"
)

// Budget bounds further attempts at calls that may have been run, and hedges, to a share
// of the calls, so that they cannot multiply the load of nodes that are failing because
// of load. It is a bucket of tokens: each call puts a part of one in, each such attempt
// takes one out, and an empty bucket refuses. What a node loses with its connections takes
// none while it has answered for it: see docs/endpoint.md. One Budget may serve several
// methods and Sets. Safe for concurrent use; it needs no clock and no goroutine.
type Budget struct {
	milli   atomic.Int64 // thousandths of tokens
	gain    int64        // a call's
	burst   int64        // the most that milli holds
	spent   atomic.Uint64
	refused atomic.Uint64
	err     error
}

// unbounded is never refused anything: see WithoutBudget. Nothing is withdrawn.
var unbounded = &Budget{}

// Defaults of NewBudget.
const (
	defaultBudgetRatio = 0.1
	defaultBudgetBurst = 100
)

// budgetStart is what a Budget starts with at most: enough for a client that makes few
// calls, and no more, since at the first burst of a client that begins while its service
// is failing nothing was saved yet. Layers of services multiply it by nothing but their
// number.
const budgetStart = 10

// NewBudget makes a Budget. ratio is retries per call, above 0 to 1, in steps of 0.001;
// default 0.1. burst is how many retries may follow each other at most, when calls have
// saved so many; default 100. It starts with as many, but with no more than 10. A
// senseless value is told by the option or constructor that takes the Budget.
func NewBudget(ratio float64, burst int) *Budget {
	if ratio == 0 {
		ratio = defaultBudgetRatio
	}
	if burst == 0 {
		burst = defaultBudgetBurst
	}
	b := &Budget{gain: int64(math.Round(ratio * 1000)), burst: int64(burst) * 1000}
	if !(ratio >= 0.001 && ratio <= 1) || burst < 0 || burst > math.MaxInt32 {
		b.err = invalid("NewBudget(%v, %d)", ratio, burst)
	}
	b.milli.Store(min(b.burst, budgetStart*1000))
	return b
}

// Left returns how many retries may follow each other now.
func (b *Budget) Left() int { return int(b.milli.Load() / 1000) }

// BudgetStats are the figures of a Budget. Without one (see WithoutBudget) they are zero.
type BudgetStats struct {
	Left    int    // retries that may follow each other now
	Burst   int    // the most that Left becomes
	Spent   uint64 // retries and hedges that were made of it
	Refused uint64 // those that were not made because it was used up
}

// Stats returns what a Budget holds and what was made of it.
func (b *Budget) Stats() BudgetStats {
	return BudgetStats{Left: b.Left(), Burst: int(b.burst / 1000), Spent: b.spent.Load(), Refused: b.refused.Load()}
}

// deposit is for each call. While nothing fails the bucket is full, and callers
// on many cores only read it.
func (b *Budget) deposit() {
	for {
		old := b.milli.Load()
		if old >= b.burst || b.milli.CompareAndSwap(old, min(old+b.gain, b.burst)) {
			return
		}
	}
}

// withdraw reports whether a retry may be made.
func (b *Budget) withdraw() bool {
	if b == unbounded {
		return true
	}
	for {
		old := b.milli.Load()
		if old < 1000 {
			b.refused.Add(1)
			return false
		}
		if b.milli.CompareAndSwap(old, old-1000) {
			b.spent.Add(1)
			return true
		}
	}
}
