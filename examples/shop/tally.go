package main

import (
	"errors"
	"slices"
	"time"

	"github.com/muxkit/muxkit/muxpool/verdict"
)

// fate is what became of a call.
type fate uint8

const (
	answered fate = iota
	notRun        // lost: no stock has run it, nor will
	overdue       // lost: its time was over, and it may have been run
	maybeRun      // lost otherwise, and it may have been run
	wrong         // it got the answer to another call
	fates
)

func (f fate) String() string {
	return [fates]string{"answered", "not run", "out of time", "maybe run", "wrong answer"}[f]
}

func fateOf(err error) fate {
	if err == nil {
		return answered
	}
	switch v := verdict.Of(err); {
	case errors.Is(err, errWrongAnswer):
		return wrong
	case v.SafeToRetry():
		return notRun
	case v.Code == verdict.CodeDeadlineExceeded:
		return overdue
	}
	return maybeRun
}

// tally is what became of the calls of a method.
type tally struct {
	method  string
	fates   [fates]int
	twice   int // purchases that were made twice
	missing int // that were answered and not made
	nonces  map[string]fate
	took    []time.Duration
	late    time.Duration // the longest that a call was made after it was due
	example error         // of those lost
}

func newTally(method string) tally { return tally{method: method, nonces: make(map[string]fate)} }

func (t *tally) add(r result) {
	f := fateOf(r.err)
	t.fates[f]++
	if t.example == nil {
		t.example = r.err
	}
	t.nonces[r.nonce] = f
	t.took = append(t.took, r.took)
	t.late = max(t.late, r.late)
}

// check compares with what the stock has sold.
func (t *tally) check(sold map[string]int) {
	for nonce, f := range t.nonces {
		if sold[nonce] > 1 {
			t.twice++
		}
		if f == answered && sold[nonce] == 0 {
			t.missing++
		}
	}
}

func (t *tally) calls() (n int) {
	for _, of := range t.fates {
		n += of
	}
	return n
}

func (t *tally) lost() int { return t.calls() - t.fates[answered] }

// at is a quantile of the time that calls took from when they were due, lost ones included.
func (t *tally) at(percent int) time.Duration {
	if len(t.took) == 0 {
		return 0
	}
	slices.Sort(t.took)
	return t.took[(len(t.took)-1)*percent/100]
}
