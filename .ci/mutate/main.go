// Command mutate plants mistakes in the module, one at a time, and tells which of
// them no test notices. Run it in the module's root:
//
//	go run ./.ci/mutate                            5 mistakes in each package
//	go run ./.ci/mutate -n 20 ./breaker ./muxpool/...
//	go run ./.ci/mutate -seed 7 -show ./breaker    what would be planted
//	go run ./.ci/mutate -near -func '^With' ./endpoint    in the options, tried on its own tests
//
// The source stays as it is: go's -overlay puts a changed file in its place. The
// same seed on the same source plants the same mistakes.
//
// A mistake is tried on its package's own tests and, if those pass, on those of the packages that
// import it. It ends as noticed; as a hang, where the tests noticed only because
// their time was up; as survived; or, if .ci/mutate/equivalent.txt says with a
// reason that it changes nothing, as equivalent. A survivor fails the run.
package main

import (
	"flag"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"
)

const equivalents = ".ci/mutate/equivalent.txt"

func main() {
	seed := flag.Uint64("seed", 0, "chooses the mistakes; 0 draws one")
	n := flag.Int("n", 5, "mistakes in each package")
	grace := flag.Duration("hang", time.Minute, "tests that take this much longer than without a mistake hang")
	budget := flag.Duration("budget", time.Hour, "no mistake is planted after this time")
	near := flag.Bool("near", false, "run the package's own tests only")
	in := flag.String("func", "", "in functions only whose name this expression matches")
	show := flag.Bool("show", false, "list the mistakes and plant none")
	flag.Parse()
	within, err := regexp.Compile(*in)
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutate: -func:", err)
		os.Exit(2)
	}
	if *seed == 0 {
		*seed = uint64(time.Now().UnixNano()) % 1_000_000
	}
	patterns := flag.Args()
	if len(patterns) == 0 {
		patterns = []string{"./..."}
	}
	survivors, err := run(patterns, settings{*seed, *n, *grace, *budget, *near, *show, within})
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutate:", err)
		os.Exit(2)
	}
	if survivors > 0 {
		os.Exit(1)
	}
}

type settings struct {
	seed       uint64
	n          int
	grace      time.Duration
	budget     time.Duration
	near, show bool
	within     *regexp.Regexp
}

func run(patterns []string, s settings) (survivors int, err error) {
	judged, err := readJudged(equivalents)
	if err != nil {
		return 0, err
	}
	pkgs, err := listPackages(patterns)
	if err != nil {
		return 0, err
	}
	fmt.Printf("seed %d, %d mistakes in each of %d packages\n", s.seed, s.n, len(pkgs))
	work, err := os.MkdirTemp("", "mutate")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(work)
	begin := time.Now()
	counts := make(map[outcome]int)
	var lines []string
	for _, p := range pkgs {
		sites, err := p.sites()
		if err != nil {
			return 0, err
		}
		sites = slices.DeleteFunc(sites, func(m site) bool { return !s.within.MatchString(m.fn) })
		shuffle(sites, s.seed, p.ImportPath)
		if s.show {
			for _, m := range sites[:min(s.n, len(sites))] {
				fmt.Println(m)
			}
			continue
		}
		lab, err := newLab(p, work, s)
		if err != nil {
			return 0, err
		}
		for planted := 0; planted < s.n && len(sites) > 0 && time.Since(begin) < s.budget; sites = sites[1:] {
			m := sites[0]
			o, by, took := equivalent, judged.reason(m), time.Duration(0)
			if by == "" {
				now := time.Now()
				o, by = lab.try(m)
				took = time.Since(now)
			}
			if o == uncompilable {
				continue
			}
			planted++
			counts[o]++
			line := fmt.Sprintf("%-10s %s (%s, %.0f s)", o, m, by, took.Seconds())
			fmt.Println(line)
			if o == survived || o == hung {
				lines = append(lines, line)
			}
		}
	}
	if s.show {
		return 0, nil
	}
	fmt.Printf("\nseed %d, %.0f s: %d noticed, %d by a hang, %d equivalent, %d survived\n", s.seed, time.Since(begin).Seconds(),
		counts[noticed], counts[hung], counts[equivalent], counts[survived])
	fmt.Println(strings.Join(lines, "\n"))
	if counts[noticed] == 0 {
		return 0, fmt.Errorf("no mistake was noticed: do the tests run?")
	}
	return counts[survived], nil
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
