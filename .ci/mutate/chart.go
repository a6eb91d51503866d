package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// A chart tells which tests run a place in the source, as each has done, alone and
// without a mistake.
type chart struct {
	Tests  []*test
	Blocks map[string]map[block]bool // all there are, by file as cover names it
}

type test struct {
	Pkg  pkg
	Name string
	Text string // its source
	Took time.Duration
	Ran  map[string][]block
}

// A block is a stretch of source, from..to, as cover tells it.
type block struct{ From, To place }

type place struct{ Line, Column int }

func (p place) before(q place) bool {
	return p.Line < q.Line || p.Line == q.Line && p.Column < q.Column
}

func (b block) holds(p place) bool    { return !p.before(b.From) && p.before(b.To) }
func (b block) overlaps(c block) bool { return b.From.before(c.To) && c.From.before(b.To) }

// thatRun are the tests that have run m: the block that it is in or, for what cover
// puts in none, such as the expression of a case, any of its function.
func (c *chart) thatRun(m site) (all []*test) {
	file := modulePath + "/" + m.file
	within := func(b block) bool { return b.overlaps(m.in) }
	for b := range c.Blocks[file] {
		if b.holds(m.at) {
			within = func(other block) bool { return other == b }
		}
	}
	for _, t := range c.Tests {
		if slices.ContainsFunc(t.Ran[file], within) {
			all = append(all, t)
		}
	}
	return all
}

// add adds another chart.
func (c *chart) add(other *chart) {
	c.Tests = append(c.Tests, other.Tests...)
	for file, blocks := range other.Blocks {
		if c.Blocks[file] == nil {
			c.Blocks[file] = make(map[block]bool)
		}
		maps.Copy(c.Blocks[file], blocks)
	}
}

// run runs each test of p that the chart does not have by itself, workers at a time, and
// looks at what they cover of some packages.
func (c *chart) run(p pkg, covered []pkg, work string, workers int) error {
	var paths []string
	for _, p := range covered {
		paths = append(paths, p.ImportPath)
	}
	begin := time.Now()
	bin := filepath.Join(work, "chart.test")
	if out, err := exec.Command("go", "test", "-c", "-vet=off", "-coverpkg", strings.Join(paths, ","), "-o", bin, p.ImportPath).CombinedOutput(); err != nil {
		return fmt.Errorf("go test -c %s: %w\n%s", p.ImportPath, err, out)
	}
	names, err := runBinary(p, bin, 0, time.Minute, "-test.list", ".")
	if err != nil {
		return fmt.Errorf("the tests of %s: %w\n%s", p.ImportPath, err, names)
	}
	var tests []*test
	for _, name := range strings.Fields(names) {
		if testName.MatchString(name) && !slices.ContainsFunc(c.Tests, func(t *test) bool { return t.Name == name }) {
			tests = append(tests, &test{Pkg: p, Name: name})
		}
	}
	profiles := make([]string, len(tests))
	each(workers, len(tests), func(i, worker int) {
		profiles[i] = tests[i].profile(bin, filepath.Join(work, fmt.Sprintf("cover%d.out", worker)))
	})
	for i, profile := range profiles {
		tests[i].Ran = c.read(profile)
	}
	c.Tests = append(c.Tests, tests...)
	fmt.Printf("-- %s: %d tests, %.0f s\n", p.ImportPath, len(tests), time.Since(begin).Seconds())
	return nil
}

var testName = regexp.MustCompile(`^(Test|Fuzz|Example)`)

// profile runs the test and returns its cover profile. One that fails twice without
// a mistake notices none.
func (t *test) profile(bin, file string) string {
	for range 2 {
		begin := time.Now()
		out, err := runBinary(t.Pkg, bin, 0, 5*time.Minute, "-test.run", "^"+t.Name+"$", "-test.coverprofile", file)
		if err == nil {
			t.Took = time.Since(begin)
			text, err := os.ReadFile(file)
			if err != nil {
				fmt.Printf("-- the coverage of %s: %v\n", t.Name, err)
			}
			return string(text)
		}
		fmt.Printf("-- %s fails without a mistake: %s\n", t.Name, firstFailure(out))
	}
	return ""
}

// read adds the blocks of a cover profile and returns those that were run. The profiles
// of one package have all the same blocks: what did not run is looked at once.
func (c *chart) read(profile string) map[string][]block {
	ran, first := make(map[string][]block), len(c.Blocks) == 0
	for line := range strings.Lines(profile) {
		did := !strings.HasSuffix(line, " 0\n")
		if !did && !first {
			continue
		}
		file, rest, ok := strings.Cut(line, ":")
		var b block
		var statements, times int
		if _, err := fmt.Sscanf(rest, "%d.%d,%d.%d %d %d", &b.From.Line, &b.From.Column, &b.To.Line, &b.To.Column, &statements, &times); !ok || err != nil {
			continue // its first line
		}
		if c.Blocks[file] == nil {
			c.Blocks[file] = make(map[block]bool)
		}
		c.Blocks[file][b] = true
		if did {
			ran[file] = append(ran[file], b)
		}
	}
	return ran
}

// each calls do with 0..n-1, as many at a time as there are workers.
func each(workers, n int, do func(i, worker int)) {
	jobs := make(chan int)
	var wg sync.WaitGroup
	for worker := range workers {
		wg.Go(func() {
			for i := range jobs {
				do(i, worker)
			}
		})
	}
	for i := range n {
		jobs <- i
	}
	close(jobs)
	wg.Wait()
}

// runBinary runs a test binary, with a mistake, in its package's folder; it and what it has started
// are ended when the limit is over.
func runBinary(p pkg, bin string, mistake int, limit time.Duration, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit+10*time.Second) // the binary's own end tells more
	defer cancel()
	cmd := exec.CommandContext(ctx, bin, append(args, "-test.timeout", limit.String())...)
	cmd.Dir, cmd.Env = p.Dir, append(os.Environ(), number+"="+strconv.Itoa(mistake))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 10 * time.Second
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	return string(out), err
}
