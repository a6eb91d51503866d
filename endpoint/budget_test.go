package endpoint

import (
	"errors"
	"math"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/muxkit/muxkit/internal/bounded"
)

func TestBudgetRefillsWithCalls(t *testing.T) {
	b := NewBudget(0.1, 2)
	equal(t, "full", b.Left(), 2)
	for range 2 {
		equal(t, "withdraw", b.withdraw(), true)
	}
	equal(t, "withdraw from an empty one", b.withdraw(), false)
	for range 9 {
		b.deposit()
	}
	equal(t, "after 9 calls", b.withdraw(), false)
	b.deposit()
	equal(t, "after 10 calls", b.withdraw(), true)
	for range 1000 {
		b.deposit()
	}
	equal(t, "never over its burst", b.Left(), 2)
	b = NewBudget(0.3, 1)
	b.withdraw()
	for range 4 {
		b.deposit()
	}
	equal(t, "not by a part of a token either", b.milli.Load(), 1000)
}

// Calls that have a single attempt save for those that have more.
func TestCallsOfASingleAttemptSave(t *testing.T) {
	b := NewBudget(0.5, 1)
	b.withdraw()
	once := Retry(1, 0, NewBalancer((&fleet{}).nodes("a")), WithBudget(b))
	for range 2 {
		if _, err := once(t.Context(), nil); err != nil {
			t.Error(err)
		}
	}
	equal(t, "saved", b.Left(), 1)
}

func TestBudgetDefaults(t *testing.T) {
	b := NewBudget(0, 0)
	equal(t, "start", b.Left(), 10)
	equal(t, "burst in thousandths", b.burst, 100_000)
	equal(t, "gain in thousandths", b.gain, 100)
	equal(t, "the largest gain", NewBudget(1, 1).gain, 1000)
}

// It begins with ten tokens, and not a part of one more.
func TestBudgetBeginsWithWholeTokens(t *testing.T) {
	b := NewBudget(0.001, 100)
	for range budgetStart {
		equal(t, "withdraw", b.withdraw(), true)
	}
	for range 999 {
		b.deposit()
	}
	equal(t, "after 999 calls", b.withdraw(), false)
	b.deposit()
	equal(t, "after 1000 calls", b.withdraw(), true)
	equal(t, "figures", b.Stats(), BudgetStats{Left: 0, Burst: 100, Spent: 11, Refused: 1})
}

func TestBudgetRefusesSenselessValues(t *testing.T) {
	for _, b := range []*Budget{NewBudget(-1, 1), NewBudget(1.5, 1), NewBudget(math.NaN(), 1), NewBudget(0.0001, 1),
		NewBudget(1, -1), NewBudget(1, math.MaxInt), NewBudget(1, math.MaxInt32+1)} {
		if !errors.Is(b.err, ErrInvalidOption) {
			t.Errorf("%+v: %v", b, b.err)
		}
	}
	for _, b := range []*Budget{NewBudget(0.001, 1), NewBudget(1, math.MaxInt32)} {
		if b.err != nil {
			t.Error(b.err)
		}
	}
}

func TestBudgetUnderRaces(t *testing.T) {
	b := NewBudget(0.1, 10)
	var granted atomic.Int64
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 1000 {
				b.deposit()
				if b.withdraw() {
					granted.Add(1)
				}
			}
		})
	}
	bounded.Wait(t, wg.Wait)
	if n := granted.Load(); n > 10+400 || n < 400 {
		t.Errorf("%d retries granted for 4000 calls at 10%% and a burst of 10", n)
	}
}
