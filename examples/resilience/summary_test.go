package main

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// sending is an error that says whether a node may have got the request.
type sending bool

func (s sending) Error() string { return map[sending]string{true: "maybe sent", false: "not sent"}[s] }
func (s sending) Sent() bool    { return bool(s) }

func TestSummary(t *testing.T) {
	results := []result{
		{put: true, err: sending(true)}, {put: true, err: sending(false)}, {put: true},
		{err: errors.New("says nothing")}, {err: errWrongAnswer},
	}
	for ms := range 100 {
		results = append(results, result{phase: later, took: time.Duration(ms+1) * time.Millisecond})
	}
	s := summarise(results)
	if p := s.puts; p.calls != 3 || p.lost != 2 || p.unsent != 1 || p.example != error(sending(false)) {
		t.Errorf("puts %+v", p)
	}
	if g := s.gets; g.calls != 102 || g.lost != 1 || g.unsent != 0 {
		t.Errorf("gets %+v", g)
	}
	if s.wrong != 1 {
		t.Errorf("%d wrong answers, want 1", s.wrong)
	}
	if want := (quantiles{100, 50 * time.Millisecond, 99 * time.Millisecond}); s.latency[later] != want {
		t.Errorf("got %v, want %v", s.latency[later], want)
	}
}

func TestBrokenPromises(t *testing.T) {
	kept := summary{gets: tally{calls: 9}, puts: tally{calls: 3, lost: 2, example: sending(true)}}
	tests := []struct {
		breaks  func(*outcome)
		guarded bool
		names   string // empty if all promises held
	}{
		{func(*outcome) {}, true, ""},
		{func(o *outcome) { o.summary.gets.lost, o.summary.gets.example = 1, sending(true) }, false, ""},
		{func(o *outcome) { o.summary.gets.lost, o.summary.gets.example = 1, sending(true) }, true, "1 idempotent calls were lost, as by maybe sent"},
		{func(o *outcome) { o.summary.puts.unsent, o.summary.puts.example = 1, sending(false) }, true, "1 calls were lost that no node had got, as by not sent"},
		{func(o *outcome) { o.summary.wrong = 1 }, false, "1 answers did not fit"},
		{func(o *outcome) { o.repeated = 1 }, false, "1 calls that are not idempotent"},
		{func(o *outcome) { o.summary.gets.calls = 0 }, true, "no calls"},
	}
	for _, tt := range tests {
		o := outcome{fault: "slow", guarded: tt.guarded, summary: kept}
		tt.breaks(&o)
		err := o.broken()
		if tt.names == "" && err != nil || tt.names != "" && (!errors.Is(err, errBroken) || !strings.Contains(err.Error(), tt.names)) {
			t.Errorf("%+v: %v, want %q", o, err, tt.names)
		}
	}
}
