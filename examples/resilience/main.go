// Command resilience shows what trouble costs callers, without muxkit's breakers and
// with them, retries on in both.
//
// For each case it starts three processes, or two, of a service, calls them at a fixed rate, lets
// something befall them, and ends it. In five of them one node falls sick: a path that
// swallows packets, a process killed, a process stopped, answers that take 500 ms, and
// answers half of which are errors. They are compared with no breakers at all. In four
// more a node must not be taken for sick: one of a node's methods fails always, a service
// that one of the methods needs is down, a second user of the same client makes nothing
// but mistakes, and twice as many calls come as the nodes can take. They are compared
// with breakers as they are usually wired, one circuit a node, for which every error
// is a failure. In the last five, the README's own wiring meets what befalls services as a
// matter of course: nodes that are restarted in turn, new processes that take over their
// sockets, all nodes down for a while, one that dies and is replaced at its address, a
// discovery that names nobody. What became of the
// calls is printed in three tables:
//
//	go run ./examples/resilience
//	go run ./examples/resilience -cases killed,overload -sick 5s
//
// The exit code is 0 only if all promises held: each case names its own (see scene.go and
// promises.go). On Linux, packets are dropped by the firewall of a network namespace that
// this program makes for itself and that ends with it; where that is not allowed, the
// victim is reached through a relay process that is stopped (see relay.go for the
// difference).
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
	flag.DurationVar(&cfg.before, "before", 500*time.Millisecond, "how long to make calls before the trouble")
	flag.DurationVar(&cfg.sick, "sick", 2600*time.Millisecond, "how long it lasts; until the breaker of a sick node is open, if that takes longer")
	flag.DurationVar(&cfg.after, "after", 600*time.Millisecond, "how long to make calls once it is over; until all is well again, if that takes longer")
	flag.DurationVar(&cfg.outage, "outage", 5*time.Second, "how long all nodes are down where they are")
	flag.IntVar(&cfg.rate, "rate", 600, "how many `calls` a second are made, whether earlier ones were answered or not; those of mistakes and overload come on top")
	flag.BoolVar(&cfg.relay, "relay", false, "make the black hole with a relay, also where packets can be dropped")
	flag.Usage = func() {
		fmt.Fprint(flag.CommandLine.Output(), "usage: resilience [flags]\n\nStarts nodes, calls them, lets something befall them, and tells what that cost the callers, without breakers and with them.\n\n")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
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
