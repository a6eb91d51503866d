// Command mutate plants mistakes in the module, one at a time, and tells which of
// them no test notices. Run it in the module's root:
//
//	go run ./.ci/mutate                            5 mistakes in each package
//	go run ./.ci/mutate -all 200                   200 of all that the module has
//	go run ./.ci/mutate -n 20 ./breaker ./muxpool/...
//	go run ./.ci/mutate -seed 7 -show ./breaker    what would be planted
//	go run ./.ci/mutate -near -func 'Close' ./endpoint    in these functions, tried on its own tests
//	go run ./.ci/mutate -n 1000 -func guard.go ./breaker  all there are in a file
//	go run ./.ci/mutate -options -p 2              every option, given in vain
//
// The source stays as it is: go's -overlay puts a changed file in its place, which has all
// the mistakes of a package, each behind a number that the environment gives (see sow.go).
// The same seed on the same source plants the same mistakes.
//
// To begin with each test runs once, alone, without a mistake, to find what it
// covers. A mistake is tried on the tests that run its line: those of its package,
// then those of others, the quick ones first. It ends as noticed; as a hang, where
// the tests noticed only because their time was up; as survived; or, if
// .ci/mutate/equivalent.txt says with a reason that it changes nothing, as
// equivalent. A survivor fails the run.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

const modulePath = "github.com/muxkit/muxkit"

const equivalents = ".ci/mutate/equivalent.txt"

func main() {
	seed := flag.Uint64("seed", 0, "chooses the mistakes; 0 draws one")
	n := flag.Int("n", 5, "mistakes in each package")
	all := flag.Int("all", 0, "mistakes drawn from all packages together, in the place of n in each")
	grace := flag.Duration("hang", time.Minute, "tests that take this much longer than twice their time without a mistake hang")
	budget := flag.Duration("budget", time.Hour, "no mistake is planted after this time")
	workers := flag.Int("p", 1, "mistakes that are tried at a time")
	near := flag.Bool("near", false, "run the package's own tests only")
	in := flag.String("func", "", "in functions only whose file and name, such as breaker/guard.go current, this expression matches")
	options := flag.Bool("options", false, "plant, in every option and nowhere else, that it is given in vain")
	chart := flag.String("chart", "", "a file in which is kept what each test runs, for the next time with the same source")
	resume := flag.String("resume", "", "a file with what an earlier run with the same seed has printed: what it tried is not tried again")
	show := flag.Bool("show", false, "list the mistakes and plant none")
	flag.Parse()
	within, err := regexp.Compile(*in)
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutate: -func:", err)
		os.Exit(2)
	}
	if *options {
		*n = 1000 // all
	}
	if *seed == 0 {
		*seed = uint64(time.Now().UnixNano()) % 1_000_000
	}
	patterns := flag.Args()
	if len(patterns) == 0 {
		patterns = []string{"./..."}
	}
	survivors, err := run(patterns, settings{*seed, *n, *all, *grace, *budget, *workers, *near, *options, *show, *chart, *resume, within})
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutate:", err)
		os.Exit(2)
	}
	if survivors > 0 {
		os.Exit(1)
	}
}

type settings struct {
	seed                uint64
	n, all              int
	grace               time.Duration
	budget              time.Duration
	workers             int
	near, options, show bool
	chart, resume       string
	within              *regexp.Regexp
}

func run(patterns []string, s settings) (survivors int, err error) {
	judged, err := readJudged(equivalents)
	if err != nil {
		return 0, err
	}
	before, err := readKnown(s.resume)
	if err != nil {
		return 0, err
	}
	pkgs, err := toPlantIn(patterns)
	if err != nil {
		return 0, err
	}
	fmt.Printf("seed %d, of %d packages\n", s.seed, len(pkgs))
	samples, err := newSamples(pkgs, s)
	if err != nil {
		return 0, err
	}
	if s.show {
		for _, sample := range samples {
			for _, m := range sample.sites[:min(sample.n, len(sample.sites))] {
				fmt.Println(m)
			}
		}
		return 0, nil
	}
	work, err := os.MkdirTemp("", "mutate")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(work)
	tests := pkgs
	if !s.near {
		if tests, err = toRun(); err != nil {
			return 0, err
		}
	}
	begin := time.Now()
	covered, err := toPlantIn([]string{"./..."})
	if err != nil {
		return 0, err
	}
	module, err := goList("./...")
	if err != nil {
		return 0, err
	}
	sums, err := sumsOf(module)
	if err != nil {
		return 0, err
	}
	chart, err := chartOf(s.chart, tests, sums, func(p pkg, c *chart) error { return c.run(p, covered, work, s.workers) })
	if err != nil {
		return 0, err
	}
	fields := make([]*field, len(samples))
	var jobs []job // one of each package, then the next of each: all have had some when time is up
	for i, sample := range samples {
		if fields[i], sample.sites, err = sow(sample.pkg, sample.sites, sample.n, judged, filepath.Join(work, strconv.Itoa(i))); err != nil {
			return 0, err
		}
		for nth, m := range sample.sites {
			jobs = append(jobs, job{fields[i], m, nth})
		}
	}
	slices.SortStableFunc(jobs, func(a, b job) int { return a.nth - b.nth })
	lab := &lab{chart: chart, grace: s.grace, near: s.near}
	r := results{counts: make(map[outcome]int), of: make(map[string]map[outcome]int)}
	each(s.workers, len(jobs), func(i, worker int) {
		f, m := jobs[i].field, jobs[i].site
		line, o := before.of(m)
		switch reason := judged.reason(m); {
		case line != "":
		case time.Since(begin) > s.budget:
			o = untried
		case reason != "":
			o, line = equivalent, fmt.Sprintf("%-10s %s (%s, 0 s)", equivalent, m, reason)
		default:
			var by string
			var took time.Duration
			o, by, took = lab.try(f, m)
			line = fmt.Sprintf("%-10s %s (%s, %.0f s)", o, m, by, took.Seconds())
		}
		r.add(f.pkg, o, line)
	})
	fmt.Println()
	for _, sample := range samples {
		fmt.Printf("-- %s: %s\n", sample.pkg.ImportPath, told(r.of[sample.pkg.ImportPath]))
	}
	fmt.Printf("\nseed %d, %.0f s: %s\n", s.seed, time.Since(begin).Seconds(), told(r.counts))
	fmt.Println(strings.Join(r.lines, "\n"))
	if r.counts[noticed] == 0 {
		return 0, fmt.Errorf("no mistake was noticed: do the tests run?")
	}
	return r.counts[survived], nil
}

type job struct {
	field *field
	site  site
	nth   int // of its package
}

// results gathers what came of the mistakes.
type results struct {
	mu     sync.Mutex
	counts map[outcome]int
	of     map[string]map[outcome]int // a package
	lines  []string                   // of those that want a test
}

func (r *results) add(p pkg, o outcome, line string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if line != "" {
		fmt.Println(line)
	}
	r.counts[o]++
	if r.of[p.ImportPath] == nil {
		r.of[p.ImportPath] = make(map[outcome]int)
	}
	r.of[p.ImportPath][o]++
	if o == survived || o == hung {
		r.lines = append(r.lines, line)
	}
}

func told(counts map[outcome]int) string {
	return fmt.Sprintf("%d noticed, %d by a hang, %d equivalent, %d survived, %d not tried",
		counts[noticed], counts[hung], counts[equivalent], counts[survived], counts[untried])
}
