package main

import (
	"context"
	"os"
	"testing"
	"time"

	muxendpoint "github.com/muxkit/muxkit/endpoint"
	"github.com/muxkit/muxkit/muxpool/muxtest"
)

// TestSickNodes plays the five cases of a sick node with real processes, and reports
// what they cost: with retries, no idempotent call, and of the others only those that
// the sick node may have got.
func TestSickNodes(t *testing.T) { playAll(t, unguarded, shortly()) }

// TestJudgement plays the four cases in which a node must not be taken for sick, with
// real processes: no good call is lost, and no breaker opens but that of the method
// that fails, where it fails.
func TestJudgement(t *testing.T) { playAll(t, usual, shortly()) }

// TestRestarts plays what happens to services as a matter of course, with the README's
// wiring: nodes are restarted, all are down for a while, discovery says nothing. No call
// is lost, but those that are not idempotent and were on a node that was killed.
func TestRestarts(t *testing.T) { playAll(t, documented, shortly()) }

// TestSickNodeBehindARelay plays the black hole as systems have it that let
// nobody drop packets.
func TestSickNodeBehindARelay(t *testing.T) {
	cfg := shortly()
	cfg.relay = true
	play(t, sceneOf(t, "black-hole"), cfg)
}

// TestSickNodesPowerOfTwo and TestJudgementPowerOfTwo balance as muxkit does by
// default.
func TestSickNodesPowerOfTwo(t *testing.T) { playAll(t, unguarded, byDefault(t)) }
func TestJudgementPowerOfTwo(t *testing.T) { playAll(t, usual, byDefault(t)) }

func byDefault(t *testing.T) config {
	if testing.Short() {
		t.Skip("plays what is played elsewhere, but for the balancer")
	}
	cfg := shortly()
	cfg.balance = balance(muxendpoint.PowerOfTwo)
	return cfg
}

// shortly is a round in two seconds and a half.
func shortly() config {
	return config{balance: balance(muxendpoint.RoundRobin), rate: 300, out: os.Stdout,
		before: 400 * time.Millisecond, sick: 1600 * time.Millisecond, after: 400 * time.Millisecond, outage: 2 * time.Second}
}

// playAll plays the scenes that are compared with the same.
func playAll(t *testing.T, without guard, cfg config) {
	for _, s := range scenes() {
		if s.without == without {
			t.Run(s.name, func(t *testing.T) { play(t, s, cfg) })
		}
	}
}

func play(t *testing.T, s scene, cfg config) {
	if !s.possible() {
		t.Skip("this system cannot stop a process")
	}
	muxtest.CheckLeaks(t)
	cfg.out = t.Output()
	g := s.guards()
	o, err := playRound(context.Background(), cfg, s, g[len(g)-1])
	report(t, o)
	if err != nil {
		t.Fatal(err)
	}
	if err := o.broken(); err != nil {
		t.Error(err)
	}
	if s.ejects && cfg.balance == balance(muxendpoint.RoundRobin) && o.firstOpening() == "did not open" {
		t.Error("the breaker of the sick node did not open")
	}
	for p, q := range o.tallies[0].latency {
		if q.calls == 0 && s.without != documented {
			t.Errorf("%s: no call was made", phase(p))
		}
	}
}

func report(t *testing.T, o outcome) {
	for _, c := range o.tallies {
		l := c.latency
		t.Logf("%s: %d calls, lost %d (%d since their time was over), %d of %d failures as such; p99 %v before, %v and %v meanwhile, %v after",
			c.method, c.calls, c.lost(), c.overdue, c.asSuch, c.failed, l[before].p99, l[onset].p99, l[later].p99, l[after].p99)
	}
	node, method := o.openings()
	t.Logf("%.0f good answers a second of %.0f, %.0f%% at the least used node; breakers opened: %d of nodes, %d of methods, first %s; calls were made up to %v late",
		o.goodput, o.possible, 100*o.leastUsed, node, method, o.firstOpening(), o.late)
}
