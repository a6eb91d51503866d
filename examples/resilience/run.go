package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// run plays the cases and prints the table. Its error says which promises were
// broken, or why nothing could be shown.
func run(ctx context.Context, cfg config) error {
	if err := cfg.check(); err != nil {
		return err
	}
	fmt.Fprintf(cfg.out, "3 nodes, each a process, and one falls sick. %d calls a second, %s. Black hole: %s.\n",
		cfg.rate, cfg.balance, darkness(cfg.relay))
	printHeading(cfg.out)
	var verdicts []error
	for _, f := range faults() {
		if !slices.Contains(cfg.cases, f.name) {
			continue
		}
		if !f.possible() {
			fmt.Fprintf(cfg.out, "%-10s  cannot be played on this system\n", f.name)
			continue
		}
		for _, guarded := range []bool{false, true} {
			o, err := playRound(ctx, cfg, f, guarded)
			if err != nil {
				return err
			}
			printOutcome(cfg.out, o)
			verdicts = append(verdicts, o.broken())
		}
	}
	fmt.Fprint(cfg.out, legend)
	return errors.Join(verdicts...)
}

func darkness(relay bool) string {
	if _, ok := onStage(); ok && !relay {
		return "a firewall that drops the packets"
	}
	return "a stopped relay, whose kernel still acknowledges"
}

const legend = `
Retries are on in every row. gets are idempotent: with breakers none may be lost. puts are not: one that the sick
node may have got is not sent again, and lost; none came to a node twice. Times are those of gets, lost ones
included, from when the call was due.
`
