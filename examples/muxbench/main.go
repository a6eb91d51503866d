package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/muxkit/muxkit/examples/muxbench/check"
	_ "github.com/muxkit/muxkit/examples/muxbench/contenders" // they enter
	"github.com/muxkit/muxkit/examples/muxbench/harness"
	"github.com/muxkit/muxkit/examples/muxbench/report"
)

func main() {
	if harness.RunChild() {
		return
	}
	if err := run(os.Args[1:], os.Stdout, os.Stderr); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "muxbench:", err)
		os.Exit(1)
	}
}

func run(args []string, stdout, stderr io.Writer) error {
	s, err := parseFlags(args, stderr)
	if err != nil {
		return err
	}
	if s.list {
		for _, c := range harness.Field() {
			fmt.Fprintf(stdout, "%-18s %s\n", c.Info().Name, c.Info().About)
		}
		fmt.Fprintf(stdout, "\nA contender that takes contexts gets those of context.WithTimeout.\nIt is also there as NAME%s, with those of muxpool/deadline, and as NAME%s, without.\n",
			harness.WithDeadline, harness.WithoutContexts)
		return nil
	}
	if s.plan {
		return s.printPlan(stdout)
	}
	results, err := s.results(stdout, stderr)
	if err != nil || s.check {
		return err
	}
	return errors.Join(s.write(stdout, results), results.Failed())
}

// results measures, or reads what was measured.
func (s settings) results(stdout, stderr io.Writer) (_ harness.Results, err error) {
	if s.from != "" {
		return harness.LoadAll(strings.Split(s.from, ","))
	}
	b, err := harness.NewBench(stderr)
	if err != nil {
		return harness.Results{}, err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	b.Duration, b.Warmup, b.Deadline, b.Profiles, b.Procs, b.Other = s.duration, s.warmup, s.deadline, s.profiles, s.procs, s.other
	if s.profiles != "" {
		if err := os.MkdirAll(s.profiles, 0o755); err != nil {
			return harness.Results{}, err
		}
	}
	if s.check {
		return harness.Results{}, check.Run(b, stdout)
	}
	cells, err := s.cells()
	if err != nil {
		return harness.Results{}, err
	}
	return b.Rounds(cells, s.rounds, s.json)
}

func (s settings) cells() ([]harness.Cell, error) {
	switch {
	case s.nodes > 0:
		return report.NodeCells(s.nodes), nil
	case s.growth != "":
		return report.GrowthCells(s.growth)
	case s.full:
		return report.FullPlan(), nil
	case !s.chosen, s.targets && s.contenders == "":
		return report.TargetCells(), nil
	}
	chosen, err := harness.SelectEntries(s.contenders)
	if err != nil {
		return nil, err
	}
	sizes, err1 := report.Numbers("-sizes", s.sizes, harness.MinSize, maxSize)
	callers, err2 := report.Numbers("-callers", s.callers, 1, maxCallers)
	nets, err3 := report.Networks(s.nets)
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, err
	}
	var cells []harness.Cell
	for _, c := range report.Product(chosen, nets, sizes, callers, s.pinned) {
		c.Rate, c.Bulk = s.rate, s.bulk
		if e, err := harness.FindEntry(c.Entry); err == nil && e.Info().Can(c) {
			cells = append(cells, c)
		}
	}
	return cells, nil
}

// printPlan lists what would be measured.
func (s settings) printPlan(w io.Writer) error {
	cells, err := s.cells()
	if err != nil {
		return err
	}
	for _, c := range cells {
		fmt.Fprintln(w, c)
	}
	b := harness.Bench{Warmup: s.warmup, Duration: s.duration}
	fmt.Fprintf(w, "%d cells, %d rounds: %v at least\n", len(cells), s.rounds, b.Forecast(cells, s.rounds))
	return nil
}

// write puts the results out in every form that was asked for.
func (s settings) write(stdout io.Writer, r harness.Results) error {
	report.PrintTable(stdout, r)
	if s.targets || s.full || !s.chosen && s.nodes == 0 && s.growth == "" {
		fmt.Fprintln(stdout)
		report.PrintTargets(stdout, r)
	}
	if s.nodes > 0 {
		report.PrintNodes(stdout, r)
	}
	if s.growth != "" {
		report.PrintGrowth(stdout, r)
	}
	report.PrintFailures(stdout, r)
	var errs []error
	if s.json != "" {
		errs = append(errs, r.Save(s.json))
	}
	if s.plots != "" {
		errs = append(errs, report.WritePlots(s.plots, r))
	}
	if s.markdown != "" {
		var only []string
		if s.sections != "" {
			only = strings.Split(s.sections, ",")
		}
		for file := range strings.SplitSeq(s.markdown, ",") {
			errs = append(errs, report.UpdateMarkdown(file, r, only))
		}
	}
	return errors.Join(errs...)
}
