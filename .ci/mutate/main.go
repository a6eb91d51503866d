// Command mutate plants mistakes in the module, one at a time, and tells which of
// them no test notices. Run it in the module's root:
//
//	go run ./.ci/mutate                            5 mistakes in each package
//	go run ./.ci/mutate -n 20 ./breaker ./muxpool/...
//	go run ./.ci/mutate -seed 7 -show ./breaker    what would be planted
//	go run ./.ci/mutate -near -func 'Close' ./endpoint    in these functions, tried on its own tests
//	go run ./.ci/mutate -n 1000 -func guard.go ./breaker  all there are in a file
//	go run ./.ci/mutate -options -p 2              every option, given in vain
//
// The source stays as it is: go's -overlay puts a changed file in its place. The
// same seed on the same source plants the same mistakes.
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
	"hash/fnv"
	"math/rand/v2"
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
	grace := flag.Duration("hang", time.Minute, "tests that take this much longer than twice their time without a mistake hang")
	budget := flag.Duration("budget", time.Hour, "no mistake is planted after this time")
	workers := flag.Int("p", 1, "mistakes that are tried at a time")
	near := flag.Bool("near", false, "run the package's own tests only")
	in := flag.String("func", "", "in functions only whose file and name, such as breaker/guard.go get, this expression matches")
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
	survivors, err := run(patterns, settings{*seed, *n, *grace, *budget, *workers, *near, *options, *show, *chart, *resume, within})
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
	n                   int
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
	fmt.Printf("seed %d, %d mistakes in each of %d packages\n", s.seed, s.n, len(pkgs))
	samples := make([]*sample, len(pkgs))
	for i, p := range pkgs {
		if samples[i], err = newSample(p, s); err != nil {
			return 0, err
		}
	}
	if s.show {
		for _, sample := range samples {
			for _, m := range sample.sites[:min(s.n, len(sample.sites))] {
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
	labs := make([]*lab, s.workers)
	for i := range labs {
		labs[i] = &lab{chart: chart, grace: s.grace, near: s.near, work: filepath.Join(work, strconv.Itoa(i))}
		if err := os.Mkdir(labs[i].work, 0o755); err != nil {
			return 0, err
		}
	}
	var r results
	each(s.workers, len(samples)*s.n, func(i, worker int) {
		sample := samples[i%len(samples)]
		for m, ok := sample.next(); ok && time.Since(begin) < s.budget; m, ok = sample.next() {
			if line, o := before.of(m); line != "" {
				r.add(o, line)
				return
			}
			o, by, took := equivalent, judged.reason(m), time.Duration(0)
			if by == "" {
				now := time.Now()
				o, by = labs[worker].try(sample.pkg, m)
				took = time.Since(now)
			}
			if o != uncompilable {
				r.add(o, fmt.Sprintf("%-10s %s (%s, %.0f s)", o, m, by, took.Seconds()))
				return
			}
		}
	})
	fmt.Printf("\nseed %d, %.0f s: %d noticed, %d by a hang, %d equivalent, %d survived\n", s.seed, time.Since(begin).Seconds(),
		r.counts[noticed], r.counts[hung], r.counts[equivalent], r.counts[survived])
	fmt.Println(strings.Join(r.lines, "\n"))
	if r.counts[noticed] == 0 {
		return 0, fmt.Errorf("no mistake was noticed: do the tests run?")
	}
	return r.counts[survived], nil
}

// A sample is the mistakes of one package, in the order of the seed.
type sample struct {
	pkg   pkg
	mu    sync.Mutex
	sites []site // that are left
}

func newSample(p pkg, s settings) (*sample, error) {
	sites, err := p.sites(s.options)
	if err != nil {
		return nil, err
	}
	sites = slices.DeleteFunc(sites, func(m site) bool { return !s.within.MatchString(m.file + " " + m.fn) })
	shuffle(sites, s.seed, p.ImportPath)
	return &sample{pkg: p, sites: sites}, nil
}

func (s *sample) next() (m site, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.sites) == 0 {
		return m, false
	}
	m = s.sites[0]
	s.sites = s.sites[1:]
	return m, true
}

// results gathers what came of the mistakes.
type results struct {
	mu     sync.Mutex
	counts map[outcome]int
	lines  []string // of those that want a test
}

func (r *results) add(o outcome, line string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	fmt.Println(line)
	if r.counts == nil {
		r.counts = make(map[outcome]int)
	}
	r.counts[o]++
	if o == survived || o == hung {
		r.lines = append(r.lines, line)
	}
}

// shuffle orders the sites of a package by the seed, whatever other packages there
// are.
func shuffle(sites []site, seed uint64, pkg string) {
	h := fnv.New64a()
	h.Write([]byte(pkg))
	r := rand.New(rand.NewPCG(seed, h.Sum64()))
	slices.SortFunc(sites, func(a, b site) int {
		if c := strings.Compare(a.file, b.file); c != 0 {
			return c
		}
		if a.from != b.from {
			return a.from - b.from
		}
		return strings.Compare(a.text, b.text)
	})
	r.Shuffle(len(sites), func(i, j int) { sites[i], sites[j] = sites[j], sites[i] })
}
