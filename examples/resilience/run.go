package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// run plays the cases and prints the tables. Its error says which promises were
// broken, or why nothing could be shown.
func run(ctx context.Context, cfg config) error {
	if err := cfg.check(); err != nil {
		return err
	}
	fmt.Fprintf(cfg.out, "3 nodes or 2, each a process. %d calls a second, %s. Black hole: %s.\n", cfg.rate, cfg.balance, darkness(cfg.relay))
	var verdicts []error
	for _, t := range tables() {
		played := slices.DeleteFunc(scenes(), func(s scene) bool {
			return s.without != t.without || !slices.Contains(cfg.cases, s.name)
		})
		if len(played) == 0 {
			continue
		}
		fmt.Fprintf(cfg.out, "\n%s\n\n%s", t.title, t.heading)
		for _, s := range played {
			if !s.possible() {
				fmt.Fprintf(cfg.out, "%-10s  cannot be played on this system\n", s.name)
				continue
			}
			for _, g := range s.guards() {
				o, err := playRound(ctx, cfg, s, g)
				if err != nil {
					return err
				}
				t.line(cfg.out, o)
				verdicts = append(verdicts, o.broken())
			}
		}
		fmt.Fprint(cfg.out, "\n", t.legend)
	}
	return errors.Join(verdicts...)
}

func darkness(relay bool) string {
	if _, ok := onStage(); ok && !relay {
		return "a firewall that drops the packets"
	}
	return "a stopped relay, whose kernel still acknowledges"
}
