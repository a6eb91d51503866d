package main

import (
	"errors"
	"slices"
	"time"
)

// summary is what became of the calls of a round.
type summary struct {
	gets, puts tally
	wrong      int // answers that did not fit their call
	latency    [phases]quantiles
}

// tally counts calls of one kind.
type tally struct {
	calls   int
	lost    int   // those that failed in the end
	unsent  int   // the lost ones that surely no node had got
	example error // of those that no node had got, else of those lost
}

// quantiles are those of the time that gets took, lost ones included.
type quantiles struct {
	calls    int
	p50, p99 time.Duration
}

func summarise(results []result) summary {
	var s summary
	var took [phases][]time.Duration
	for _, r := range results {
		t := &s.gets
		if r.put {
			t = &s.puts
		} else {
			took[r.phase] = append(took[r.phase], r.took)
		}
		t.calls++
		switch {
		case errors.Is(r.err, errWrongAnswer):
			s.wrong++
		case r.err != nil:
			t.lose(r.err)
		}
	}
	for p := range took {
		s.latency[p] = quantilesOf(took[p])
	}
	return s
}

func (t *tally) lose(err error) {
	t.lost++
	var e interface{ Sent() bool }
	unsent := errors.As(err, &e) && !e.Sent()
	if unsent {
		t.unsent++
	}
	if t.example == nil || unsent && t.unsent == 1 {
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
