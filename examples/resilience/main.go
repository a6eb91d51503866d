// Command resilience shows what a sick node costs its callers.
//
// For each of five cases it starts three processes of a service, calls them at
// a fixed rate, makes one of them sick, and heals it: a path that swallows
// packets, a process killed, a process stopped, answers that take 500 ms, and
// answers half of which are errors. It plays each case twice, without and with
// muxkit's breakers, retries on in both, and prints what became of the calls:
//
//	go run ./examples/resilience
//	go run ./examples/resilience -cases killed,slow -sick 5s
//
// The exit code is 0 only if all promises held. On Linux, packets are dropped by
// the firewall of a network namespace that this program makes for itself and
// that ends with it; where that is not allowed, the victim is reached through a
// relay process that is stopped (see relay.go for the difference).
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"time"

	muxendpoint "github.com/muxkit/muxkit/endpoint"
)

func main() {
	actIfTold()
	if code, done := enterStage(); done {
		os.Exit(code)
	}
	cfg := config{cases: allCases, balance: balance(muxendpoint.RoundRobin), out: os.Stdout}
	flag.Var(&cfg.cases, "cases", "which `cases` to play, separated by commas")
	flag.Var(&cfg.balance, "balance", "how nodes are chosen: round-robin, as by go-kit, power-of-two, muxkit's default, or random")
	flag.DurationVar(&cfg.before, "before", 800*time.Millisecond, "how long to make calls before a node falls sick")
	flag.DurationVar(&cfg.sick, "sick", 3*time.Second, "how long it is sick; until its breaker is open, if that takes longer")
	flag.DurationVar(&cfg.after, "after", 900*time.Millisecond, "how long to make calls once it is well; until it answers again, if that takes longer")
	flag.IntVar(&cfg.rate, "rate", 600, "how many calls a `second` are made, whether earlier ones were answered or not")
	flag.BoolVar(&cfg.relay, "relay", false, "make the black hole with a relay, also where packets can be dropped")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, cfg)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "resilience:", err)
		os.Exit(1)
	}
}

// actEnv makes this program a node or a relay: its value is "node" or "relay",
// and the address to listen on, or to forward to.
const actEnv = "MUXKIT_RESILIENCE_ACT"

// actIfTold does not return in a process that is a node or a relay.
func actIfTold() {
	told := os.Getenv(actEnv)
	if told == "" {
		return
	}
	signal.Ignore(os.Interrupt) // Ctrl-C is for the parent, whose end closes stdin
	if err := act(told, os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "resilience:", told+":", err)
		os.Exit(1)
	}
	os.Exit(0)
}
