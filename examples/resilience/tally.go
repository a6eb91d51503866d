package main

import (
	"errors"
	"slices"
	"time"

	"github.com/muxkit/muxkit/muxpool/verdict"
)

// tally is what became of a caller's calls.
type tally struct {
	caller
	calls   int
	failed  int   // in the end
	asSuch  int   // the failed ones with the error that the caller must expect
	overdue int   // the lost ones whose time, or their attempts', was over
	stayed  int   // of those, the ones that surely no node had got
	unsent  int   // the other lost ones that surely no node had got
	wrong   int   // answers that did not fit their call
	example error // of those that no node had got, else of those lost
	latency [phases]quantiles
}

// lost is how many calls failed in a way that they must not.
func (t tally) lost() int { return t.failed - t.asSuch }

// quantiles are those of the time that calls took, lost ones included.
type quantiles struct {
	calls    int
	p50, p99 time.Duration
}

func tallyUp(callers []caller, results []result) []tally {
	tallies := make([]tally, len(callers))
	took := make([][phases][]time.Duration, len(callers))
	for i, c := range callers {
		tallies[i].caller = c
	}
	for _, r := range results {
		tallies[r.caller].add(r.err)
		took[r.caller][r.phase] = append(took[r.caller][r.phase], r.took)
	}
	for i := range tallies {
		for p := range took[i] {
			tallies[i].latency[p] = quantilesOf(took[i][p])
		}
	}
	return tallies
}

func (t *tally) add(err error) {
	t.calls++
	switch {
	case err == nil:
	case errors.Is(err, errWrongAnswer):
		t.wrong++
	case t.fails != 0 && verdict.Of(err).Code == t.fails:
		t.failed++
		t.asSuch++
	default:
		t.failed++
		t.lose(err)
	}
}

func (t *tally) lose(err error) {
	v := verdict.Of(err)
	unsent := !v.Sent()
	switch {
	case v.Code == verdict.CodeDeadlineExceeded:
		t.overdue++
		if unsent {
			t.stayed++
		}
	case unsent:
		t.unsent++
	}
	if t.example == nil || unsent && t.unsent+t.stayed == 1 {
		t.example = err
	}
}

func quantilesOf(took []time.Duration) quantiles {
	if len(took) == 0 {
		return quantiles{}
	}
	slices.Sort(took)
	at := func(percent int) time.Duration { return took[(len(took)-1)*percent/100] }
	return quantiles{len(took), at(50), at(99)}
}
