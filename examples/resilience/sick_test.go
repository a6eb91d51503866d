package main

import (
	"context"
	"testing"
	"time"

	"github.com/muxkit/muxkit/breaker"
	muxendpoint "github.com/muxkit/muxkit/endpoint"
	"github.com/muxkit/muxkit/muxpool/muxtest"
)

// TestSickNodes plays the five cases with real processes, and reports what they
// cost: with retries, no idempotent call, and of the others only those that the
// sick node may have got.
func TestSickNodes(t *testing.T) {
	for _, f := range faults() {
		t.Run(f.name, func(t *testing.T) { play(t, f, shortly()) })
	}
}

// TestSickNodeBehindARelay plays the black hole as systems have it that let
// nobody drop packets.
func TestSickNodeBehindARelay(t *testing.T) {
	cfg := shortly()
	cfg.relay = true
	play(t, faults()[0], cfg)
}

// TestSickNodesPowerOfTwo balances as muxkit does by default.
func TestSickNodesPowerOfTwo(t *testing.T) {
	if testing.Short() {
		t.Skip("as TestSickNodes, but for the balancer")
	}
	cfg := shortly()
	cfg.balance = balance(muxendpoint.PowerOfTwo)
	for _, f := range faults() {
		t.Run(f.name, func(t *testing.T) { play(t, f, cfg) })
	}
}

// shortly is a round in two seconds and a half.
func shortly() config {
	return config{balance: balance(muxendpoint.RoundRobin), rate: 300,
		before: 400 * time.Millisecond, sick: 1600 * time.Millisecond, after: 400 * time.Millisecond}
}

func play(t *testing.T, f fault, cfg config) {
	if !f.possible() {
		t.Skip("this system cannot stop a process")
	}
	muxtest.CheckLeaks(t)
	o, err := playRound(context.Background(), cfg, f, true)
	report(t, o)
	if err != nil {
		t.Fatal(err)
	}
	if err := o.broken(); err != nil {
		t.Error(err)
	}
	if o.opened.To != breaker.Open && cfg.balance == balance(muxendpoint.RoundRobin) {
		t.Error("the breaker of the sick node did not open")
	}
	for p, q := range o.summary.latency {
		if q.calls == 0 || q.p50 > perTryTimeout {
			t.Errorf("%s: %d calls, half of which took over %v", phase(p), q.calls, q.p50)
		}
	}
}

func report(t *testing.T, o outcome) {
	s, l := o.summary, o.summary.latency
	t.Logf("lost %d of %d idempotent calls, %d of %d others (%d surely unsent); p99 %v before, %v and %v while sick, %v after; breaker: %s",
		s.gets.lost, s.gets.calls, s.puts.lost, s.puts.calls, s.puts.unsent,
		l[before].p99, l[onset].p99, l[later].p99, l[after].p99, o.opening())
}
