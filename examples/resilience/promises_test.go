package main

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/muxkit/muxkit/breaker"
	"github.com/muxkit/muxkit/muxpool"
)

// TestBrokenPromises breaks one promise after the other.
func TestBrokenPromises(t *testing.T) {
	lost, unsent := tally{calls: 9, failed: 1, example: sending(true)}, tally{calls: 9, failed: 1, unsent: 1, example: sending(false)}
	overdue := tally{calls: 9, failed: 1, overdue: 1, example: sending(true)}
	kept := tally{calls: 9}
	open := func(address string) func(*outcome) {
		return func(o *outcome) {
			o.opened = append(o.opened, breaker.Change{Node: muxpool.Node{Address: address}, To: breaker.Open})
		}
	}
	tests := []struct {
		scene  string
		guard  guard
		breaks func(*outcome)
		names  string // empty if all promises held
	}{
		{"slow", judged, func(o *outcome) { o.tallies[1] = lost }, ""},
		{"slow", unguarded, func(o *outcome) { o.tallies[0] = lost }, ""},
		{"slow", judged, func(o *outcome) { o.tallies[0] = lost }, "1 idempotent calls were lost, as by maybe sent"},
		{"slow", judged, func(o *outcome) { o.tallies[1] = unsent }, "1 calls were lost that no node had got, as by not sent"},
		{"slow", judged, func(o *outcome) { o.tallies[1].overdue = 1 }, ""},
		{"slow", judged, func(o *outcome) { o.tallies[1].overdue, o.tallies[1].stayed = 1, 1 }, "1 calls that no node had got ran out of time"},
		{"slow", judged, func(o *outcome) { o.tallies[0].latency[after].p50 = 2 * time.Second }, "after: half of the calls took over 2s"},
		{"slow", unguarded, func(o *outcome) { o.tallies[0].wrong = 1 }, "1 answers did not fit"},
		{"slow", unguarded, func(o *outcome) { o.repeated = 1 }, "1 calls that are not idempotent"},
		{"slow", judged, func(o *outcome) { o.tallies[0].calls = 0 }, "no calls of store.Get"},
		{"failing-method", judged, func(o *outcome) { o.tallies[1] = lost }, "1 calls of store.Put were lost"},
		{"failing-method", judged, func(o *outcome) { o.leastUsed = 0.1 }, "a node gave only 10% of the good answers"},
		{"failing-method", judged, func(o *outcome) { o.leastUsed, o.inTurn = 0.28, true }, "a node gave only 28%"},
		{"failing-method", judged, func(o *outcome) { o.leastUsed = 0.28 }, "no method's breaker opened"},
		{"failing-method", judged, open("elsewhere"), "another breaker opened"},
		{"failing-dependency", judged, open("sick"), "the breaker of a node opened 1 times"},
		{"failing-dependency", judged, func(o *outcome) { o.tallies[2].latency[later].p99 = time.Second }, "store.Join took 1s to fail"},
		{"bad-caller", usual, open("sick"), ""},
		{"bad-caller", judged, open("sick"), "breakers opened"},
		{"bad-caller", judged, func(o *outcome) { o.tallies[2].asSuch = 8 }, "1 of 9 calls were not answered with unauthenticated"},
		{"bad-caller", judged, func(o *outcome) { o.tallies[2].asSuch, o.tallies[2].overdue = 8, 1 }, "1 calls of others ran out of time"},
		{"overload", judged, func(o *outcome) { o.goodput = 94 }, "94 good answers a second are 94.0% of the capacity, 100"},
		{"overload", judged, func(o *outcome) { o.tallies[0].failed = 1 }, "1 calls of store.Get were lost"},
		{"rolling-restart", documented, func(o *outcome) { o.tallies[1] = lost }, "1 calls of store.Put were lost"},
		{"rolling-restart", documented, func(o *outcome) { o.tallies[1] = overdue }, "1 calls of store.Put ran out of time"},
		{"outage", documented, func(o *outcome) { o.tallies[0] = overdue }, "1 idempotent calls ran out of time"},
		{"discovery-gone", documented, func(o *outcome) { o.tallies[0] = unsent }, "1 calls of store.Get were lost"},
		{"outage", documented, func(o *outcome) { o.tallies[1] = lost }, ""},
		{"outage", documented, func(o *outcome) { o.tallies[1] = unsent }, "1 calls were lost that no node had got"},
		{"outage", documented, func(o *outcome) { o.waited = 1100 * time.Millisecond }, "a call waited for 1.1s"},
		{"outage", documented, func(o *outcome) { o.back = 1100 * time.Millisecond }, "answered nothing for 1.1s"},
		{"replaced", documented, func(o *outcome) { o.back = 1100 * time.Millisecond }, "answered nothing for 1.1s"},
		{"outage", documented, func(o *outcome) { o.waited, o.late = 1100*time.Millisecond, 200*time.Millisecond }, ""},
	}
	for _, tt := range tests {
		o := outcome{scene: sceneOf(t, tt.scene), guard: tt.guard, victim: "sick", goodput: 96, possible: 100, leastUsed: 0.33}
		for _, c := range o.scene.callers {
			tally := kept
			if tally.caller = c; c.other {
				tally.failed, tally.asSuch = 9, 9
			}
			o.tallies = append(o.tallies, tally)
		}
		tt.breaks(&o)
		for i, c := range o.scene.callers {
			o.tallies[i].caller = c
		}
		err := o.broken()
		if tt.names == "" && err != nil || tt.names != "" && (!errors.Is(err, errBroken) || !strings.Contains(err.Error(), tt.names)) {
			t.Errorf("%s, %v: %v, want %q", tt.scene, o.guarded(), err, tt.names)
		}
	}
}

// TestProof: what the machine may have broken proves nothing, and only that.
func TestProof(t *testing.T) {
	o := outcome{scene: sceneOf(t, "overload"), guard: judged, possible: 100, goodput: 90, leastUsed: 0.33,
		tallies: []tally{{calls: 1}}}
	if !o.proves() {
		t.Error("a promise broken in time proves nothing")
	}
	o.late = heldUp
	if o.proves() {
		t.Error("a promise about time proves something on a machine that is not on time")
	}
	o.repeated = 1
	if !o.proves() {
		t.Error("a call made twice proves nothing on a machine that is not on time")
	}
}

func sceneOf(t *testing.T, name string) scene {
	t.Helper()
	for _, s := range scenes() {
		if s.name == name {
			return s
		}
	}
	t.Fatalf("there is no scene %q", name)
	return scene{}
}
