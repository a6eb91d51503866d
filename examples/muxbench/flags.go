package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/muxkit/muxkit/examples/muxbench/harness"
)

// settings are the flags.
type settings struct {
	contenders, sizes, callers, nets string
	rounds, nodes, procs, rate       int
	bulk                             harness.Bulk
	duration, warmup, deadline       time.Duration
	pinned, full, targets, quick     bool
	growth                           string
	list, plan, check                bool
	chosen                           bool // a flag chooses what is measured
	from, json, plots, markdown      string
	profiles, sections, other        string
}

const (
	maxSize    = 8 << 20
	maxRate    = 2_000_000
	maxCallers = 1 << 16
)

// What a quick run is.
const (
	quickDuration = 300 * time.Millisecond
	quickWarmup   = 100 * time.Millisecond
)

func parseFlags(args []string, stderr io.Writer) (settings, error) {
	var s settings
	f := flag.NewFlagSet("muxbench", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.Usage = func() {
		fmt.Fprint(stderr, "usage: muxbench [flags]\n\nMeasures muxkit and its rivals on the same work. -plan tells what, and how long it takes.\n\n")
		f.PrintDefaults()
	}
	f.StringVar(&s.contenders, "contenders", "", "comma-separated names or patterns (see -list)")
	f.StringVar(&s.sizes, "sizes", "128,4096,65536", "payload sizes, bytes")
	f.StringVar(&s.callers, "callers", "1,8,64,512,4096", "numbers of callers")
	f.StringVar(&s.nets, "net", "tcp", "tcp, tls, unix, relay (each connection gets its share of 100 MiB/s), link ("+harness.LinkRate+" between two namespaces; needs root), or several of them")
	f.IntVar(&s.nodes, "nodes", 0, "measure nothing but a client of so many nodes, idle and under load")
	f.IntVar(&s.rate, "rate", 0, "an open loop of so many calls/s instead of a closed one; -1: whatever can be had")
	f.Func("bulk", "callers and size of large answers beside, as `4x1048576`", func(text string) error {
		if _, err := fmt.Sscanf(text, "%dx%d", &s.bulk.Callers, &s.bulk.Size); err != nil || s.bulk.Callers < 1 || s.bulk.Size < 16 || s.bulk.Size > maxSize {
			return fmt.Errorf("%q is not a number of callers, an x and a size of at most %d bytes", text, maxSize)
		}
		return nil
	})
	f.IntVar(&s.rounds, "rounds", 1, "measurements of each cell, interleaved")
	f.IntVar(&s.procs, "procs", 0, "GOMAXPROCS of clients and servers; 0: as many as there are cores")
	f.DurationVar(&s.duration, "duration", time.Second, "what is measured, after the warm-up")
	f.DurationVar(&s.warmup, "warmup", 250*time.Millisecond, "calls before the measurement")
	f.DurationVar(&s.deadline, "deadline", 30*time.Second, "of each call's context")
	f.BoolVar(&s.pinned, "pinned", false, "both processes on CPU 0")
	f.StringVar(&s.growth, "growth", "", "how cost grows, and who is to blame: callers, nodes, sizes, or several of them")
	f.BoolVar(&s.quick, "quick", false, "a window of 300 ms and a warm-up of 100 ms: two minutes for the targets, and figures for a first look")
	f.StringVar(&s.other, "other", "", "muxbench built from another commit: its processes run NAME@other, with which targets compare CPU time")
	f.BoolVar(&s.full, "full", false, "measure everything that docs/performance.md and docs/performance/closed-loop.md show")
	f.BoolVar(&s.targets, "targets", false, "print the table of targets, and measure what it needs unless -contenders, -full or -from says otherwise; without a flag that chooses, this is what is done")
	f.BoolVar(&s.plan, "plan", false, "list what would be measured, and how long it would take")
	f.BoolVar(&s.list, "list", false, "list the contenders")
	f.BoolVar(&s.check, "check", false, "check that the program measures what it says")
	f.StringVar(&s.from, "from", "", "read the measurements of former runs from these JSON `files`, comma-separated, instead of measuring")
	f.StringVar(&s.json, "json", "", "write the measurements to this `file`")
	f.StringVar(&s.plots, "plots", "", "write SVG plots into this `directory`")
	f.StringVar(&s.markdown, "markdown", "", "write the tables into these Markdown `files`, comma-separated")
	f.StringVar(&s.sections, "sections", "", "comma-separated sections of these to write; without it all")
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
	if s.nodes < 0 || s.nodes > harness.MaxNodes {
		return s, fmt.Errorf("-nodes must be from 0 to %d", harness.MaxNodes)
	}
	if s.rate < harness.Flood || s.rate > maxRate {
		return s, fmt.Errorf("-rate must be from %d to %d", harness.Flood, maxRate)
	}
	if s.quick {
		s.duration, s.warmup = quickDuration, quickWarmup
	}
	f.Visit(func(set *flag.Flag) {
		s.chosen = s.chosen || slices.Contains([]string{"contenders", "sizes", "callers", "net", "pinned", "rate", "bulk"}, set.Name)
	})
	return s, nil
}
