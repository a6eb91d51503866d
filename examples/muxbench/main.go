package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"
)

// settings are the flags.
type settings struct {
	contenders, sizes, callers, nets string
	rounds, nodes, procs             int
	duration, warmup, deadline       time.Duration
	pinned, full, targets            bool
	list, plan, check                bool
	chosen                           bool // a flag chooses what is measured
	from, json, plots, markdown      string
	profiles, sections               string
}

func main() {
	if runChild() {
		return
	}
	if err := run(os.Args[1:], os.Stdout, os.Stderr); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "muxbench:", err)
		os.Exit(1)
	}
}

func parseFlags(args []string, stderr io.Writer) (settings, error) {
	var s settings
	f := flag.NewFlagSet("muxbench", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.StringVar(&s.contenders, "contenders", "", "comma-separated names or patterns (see -list)")
	f.StringVar(&s.sizes, "sizes", "128,4096,65536", "payload sizes, bytes")
	f.StringVar(&s.callers, "callers", "1,8,64,512,4096", "numbers of callers")
	f.StringVar(&s.nets, "net", "tcp", "tcp, tls, unix, or several of them")
	f.IntVar(&s.nodes, "nodes", 0, "measure nothing but a client of so many nodes, idle and under load")
	f.IntVar(&s.rounds, "rounds", 1, "measurements of each cell, interleaved")
	f.IntVar(&s.procs, "procs", 0, "GOMAXPROCS of clients and servers; 0: as many as there are cores")
	f.DurationVar(&s.duration, "duration", time.Second, "what is measured, after the warm-up")
	f.DurationVar(&s.warmup, "warmup", 250*time.Millisecond, "calls before the measurement")
	f.DurationVar(&s.deadline, "deadline", 30*time.Second, "of each call's context")
	f.BoolVar(&s.pinned, "pinned", false, "both processes on CPU 0")
	f.BoolVar(&s.full, "full", false, "measure everything that docs/performance.md shows")
	f.BoolVar(&s.targets, "targets", false, "print the table of targets, and measure what it needs unless -contenders, -full or -from says otherwise; without a flag that chooses, this is what is done")
	f.BoolVar(&s.plan, "plan", false, "list what would be measured, and how long it would take")
	f.BoolVar(&s.list, "list", false, "list the contenders")
	f.BoolVar(&s.check, "check", false, "check that the program measures what it says")
	f.StringVar(&s.from, "from", "", "read the measurements of former runs from these JSON `files`, comma-separated, instead of measuring")
	f.StringVar(&s.json, "json", "", "write the measurements to this `file`")
	f.StringVar(&s.plots, "plots", "", "write SVG plots into this `directory`")
	f.StringVar(&s.markdown, "markdown", "", "write the tables into this Markdown `file`")
	f.StringVar(&s.sections, "sections", "", "comma-separated sections of that file to write; without it all")
	f.StringVar(&s.profiles, "profiles", "", "write a CPU profile of each window's client and server into this `directory`")
	if err := f.Parse(args); err != nil {
		return s, err
	}
	if f.NArg() > 0 {
		return s, fmt.Errorf("unexpected argument %q", f.Arg(0))
	}
	if s.rounds < 1 || s.duration <= 0 || s.warmup <= 0 || s.deadline <= 0 {
		return s, errors.New("-rounds, -duration, -warmup and -deadline must be positive")
	}
	if s.procs < 0 {
		return s, errors.New("-procs must not be negative")
	}
	if s.nodes < 0 || s.nodes > maxNodes {
		return s, fmt.Errorf("-nodes must be from 0 to %d", maxNodes)
	}
	f.Visit(func(set *flag.Flag) {
		s.chosen = s.chosen || slices.Contains([]string{"contenders", "sizes", "callers", "net", "pinned"}, set.Name)
	})
	return s, nil
}

func run(args []string, stdout, stderr io.Writer) error {
	s, err := parseFlags(args, stderr)
	if err != nil {
		return err
	}
	if s.list {
		for _, c := range contenders {
			fmt.Fprintf(stdout, "%-18s %s\n", c.Info().Name, c.Info().About)
		}
		fmt.Fprintf(stdout, "\nA contender that takes contexts gets those of context.WithTimeout.\nIt is also there as NAME%s, with those of muxpool/deadline, and as NAME%s, without.\n",
			withDeadline, withoutContexts)
		return nil
	}
	if s.plan {
		return s.printPlan(stdout)
	}
	results, err := s.results(stdout, stderr)
	if err != nil || s.check {
		return err
	}
	return errors.Join(s.write(stdout, results), results.failed())
}

// results measures, or reads what was measured.
func (s settings) results(stdout, stderr io.Writer) (Results, error) {
	if s.from != "" {
		return loadAll(strings.Split(s.from, ","))
	}
	b, err := newBench(stderr)
	if err != nil {
		return Results{}, err
	}
	defer b.close()
	b.duration, b.warmup, b.deadline, b.profiles, b.procs = s.duration, s.warmup, s.deadline, s.profiles, s.procs
	if s.profiles != "" {
		if err := os.MkdirAll(s.profiles, 0o755); err != nil {
			return Results{}, err
		}
	}
	if s.check {
		return Results{}, b.selfCheck(stdout)
	}
	cells, err := s.cells()
	if err != nil {
		return Results{}, err
	}
	return b.rounds(cells, s.rounds, s.json)
}

func (s settings) cells() ([]Cell, error) {
	switch {
	case s.nodes > 0:
		return nodeCells(s.nodes), nil
	case s.full:
		return fullPlan(), nil
	case !s.chosen, s.targets && s.contenders == "":
		return targetCells(), nil
	}
	chosen, err := selectEntries(s.contenders)
	if err != nil {
		return nil, err
	}
	sizes, err1 := numbers("-sizes", s.sizes, minSize, 1<<20)
	callers, err2 := numbers("-callers", s.callers, 1, 1<<16)
	nets, err3 := networks(s.nets)
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, err
	}
	return product(chosen, nets, sizes, callers, s.pinned), nil
}

// write puts the results out in every form that was asked for.
func (s settings) write(stdout io.Writer, r Results) error {
	printTable(stdout, r.Records)
	if s.targets || s.full || !s.chosen && s.nodes == 0 {
		fmt.Fprintln(stdout)
		printTargets(stdout, r.Records)
	}
	if s.nodes > 0 {
		printNodes(stdout, r)
	}
	printFailures(stdout, r.Records)
	var errs []error
	if s.json != "" {
		errs = append(errs, r.save(s.json))
	}
	if s.plots != "" {
		errs = append(errs, writePlots(s.plots, r))
	}
	if s.markdown != "" {
		var only []string
		if s.sections != "" {
			only = strings.Split(s.sections, ",")
		}
		errs = append(errs, updateMarkdown(s.markdown, r, only))
	}
	return errors.Join(errs...)
}
