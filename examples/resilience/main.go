// Command resilience shows what a sick node costs its callers.
//
// For each of five cases it starts three processes of a service, calls them from
// several goroutines, makes one of them sick, and heals it: a path that swallows
// packets, a process killed, a process stopped, answers that take 500 ms, and
// answers half of which are errors. It plays each case twice, without and with
// muxkit's breakers, retries on in both, and prints what became of the calls:
//
//	go run ./examples/resilience
//	go run ./examples/resilience -cases killed,slow -during 5s
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
)

func main() {
	actIfTold()
	if code, done := enterStage(); done {
		os.Exit(code)
	}
	cfg := config{cases: allCases, out: os.Stdout}
	flag.Var(&cfg.cases, "cases", "which `cases` to play, separated by commas")
	flag.DurationVar(&cfg.before, "before", time.Second, "how long to make calls before a node falls sick")
	flag.DurationVar(&cfg.during, "during", 2500*time.Millisecond, "how long the node is sick; until its breaker is open, if that takes longer")
	flag.DurationVar(&cfg.after, "after", 1200*time.Millisecond, "how long to make calls once it is well; until it answers again, if that takes longer")
	flag.IntVar(&cfg.callers, "callers", 12, "how many goroutines make calls")
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
