package main

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/muxkit/muxkit/muxpool"
	muxtransport "github.com/muxkit/muxkit/transport"
)

// sending is an error that says whether a node may have got the request.
type sending bool

func (s sending) Error() string { return map[sending]string{true: "maybe sent", false: "not sent"}[s] }
func (s sending) Sent() bool    { return bool(s) }

func TestTally(t *testing.T) {
	stayed := &muxpool.Error{Op: "get", Err: context.DeadlineExceeded} // no node had got it when its time was over
	callers := []caller{{method: methodPut}, {method: methodGet}, {method: methodGet, fails: muxtransport.CodeNotFound}}
	results := []result{
		{err: sending(true)}, {err: sending(false)}, {}, {err: stayed},
		{caller: 1, err: errors.New("says nothing")}, {caller: 1, err: errWrongAnswer},
		{caller: 1, err: &muxtransport.Error{Code: muxtransport.CodeDeadlineExceeded}},
		{caller: 2, err: &muxtransport.Error{Code: muxtransport.CodeNotFound}}, {caller: 2, err: sending(true)}, {caller: 2},
	}
	for ms := range 100 {
		results = append(results, result{caller: 1, phase: later, took: time.Duration(ms+1) * time.Millisecond})
	}
	tallies := tallyUp(callers, results)
	if p := tallies[0]; p.calls != 4 || p.lost() != 3 || p.unsent != 1 || p.overdue != 1 || p.stayed != 1 || p.example != error(sending(false)) {
		t.Errorf("puts %+v", p)
	}
	if g := tallies[1]; g.calls != 103 || g.lost() != 2 || g.unsent != 0 || g.overdue != 1 || g.stayed != 0 || g.wrong != 1 {
		t.Errorf("gets %+v", g)
	}
	if m := tallies[2]; m.calls != 3 || m.failed != 2 || m.asSuch != 1 || m.lost() != 1 {
		t.Errorf("mistakes %+v", m)
	}
	if want := (quantiles{100, 50 * time.Millisecond, 99 * time.Millisecond}); tallies[1].latency[later] != want {
		t.Errorf("got %v, want %v", tallies[1].latency[later], want)
	}
}

func TestThroughput(t *testing.T) {
	start := time.Now()
	at := func(seconds float64) time.Time { return start.Add(time.Duration(seconds * float64(time.Second))) }
	// One before, a half, two whole ones, a quarter, one after.
	ends := []time.Time{at(0.9), at(1.5), at(2), at(3), at(3.75), at(5)}
	if got := throughput(ends, time.Second, at(1), at(3)); got != (0.5+1+1+0.25)/2 {
		t.Errorf("got %v calls a second", got)
	}
}
