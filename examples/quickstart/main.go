// Command quickstart shows what muxkit does when a node dies.
//
// It starts three processes of a small Go kit service, calls them from several
// goroutines over shared connections, kills one with SIGKILL, restarts it, and
// shows in a table how the node's breaker opens at the word of the pool, how
// the calls go to the others, and how a probe brings the node back. Then it
// checks what it promised:
//
//	go run ./examples/quickstart
//
// The exit code is 0 only if all promises held.
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
	if address := os.Getenv(nodeEnv); address != "" {
		if err := nodeMain(address, os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, "quickstart node:", err)
			os.Exit(1)
		}
		return
	}
	cfg := config{out: os.Stdout, live: isTerminal(os.Stdout)}
	flag.DurationVar(&cfg.duration, "duration", 12*time.Second, "how long calls are made; waiting for the breaker comes on top")
	flag.IntVar(&cfg.nodes, "nodes", 3, "how many node processes to start")
	flag.IntVar(&cfg.callers, "callers", 16, "how many goroutines make calls")
	flag.BoolVar(&cfg.kill, "kill", true, "kill a node and restart it")
	flag.Usage = func() {
		fmt.Fprint(flag.CommandLine.Output(), "usage: quickstart [flags]\n\nStarts nodes, calls them, kills one and restarts it, and tells what the callers saw.\n\n")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, cfg); err != nil {
		fmt.Fprintln(os.Stderr, "quickstart:", err)
		os.Exit(1) //nolint:gocritic // the process ends anyway
	}
}
