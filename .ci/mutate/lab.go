package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

type outcome string

const (
	noticed      outcome = "noticed"
	hung         outcome = "hang"
	survived     outcome = "SURVIVED"
	equivalent   outcome = "equivalent"
	uncompilable outcome = "uncompilable"
)

// A lab tries mistakes, one at a time.
type lab struct {
	chart *chart
	grace time.Duration
	near  bool   // on the tests of the mistake's own package only
	work  string // a folder of its own
}

// try plants a mistake in a package and tells what came of it, and by what.
func (l *lab) try(p pkg, m site) (o outcome, by string) {
	overlay, err := l.plant(m)
	if err != nil {
		return uncompilable, err.Error()
	}
	groups := l.groups(p, m)
	if len(groups) == 0 {
		if out, err := exec.Command("go", "build", "-overlay", overlay, "-o", os.DevNull, p.ImportPath).CombinedOutput(); err != nil {
			return uncompilable, string(out)
		}
		return survived, "no test runs it"
	}
	tests := 0
	for _, g := range groups {
		bin := filepath.Join(l.work, "mutant.test")
		if out, err := exec.Command("go", "test", "-c", "-vet=off", "-ldflags=-s -w", "-overlay", overlay, "-o", bin, g[0].Pkg.ImportPath).CombinedOutput(); err != nil {
			return uncompilable, string(out)
		}
		if o, by := l.run(bin, g); o != survived {
			return o, by
		}
		tests += len(g)
	}
	return survived, fmt.Sprintf("%d tests", tests)
}

// groups are the tests that run m, by package: the mistake's own first, then those
// that take least.
func (l *lab) groups(p pkg, m site) (groups [][]*test) {
	of, took := make(map[string]int), make(map[string]time.Duration)
	for _, t := range l.chart.thatRun(m) {
		path := t.Pkg.ImportPath
		if path != p.ImportPath && l.near {
			continue
		}
		if _, ok := of[path]; !ok {
			of[path] = len(groups)
			groups = append(groups, nil)
		}
		groups[of[path]] = append(groups[of[path]], t)
		if path != p.ImportPath {
			took[path] += t.Took
		}
	}
	slices.SortFunc(groups, func(a, b []*test) int { return int(took[a[0].Pkg.ImportPath] - took[b[0].Pkg.ImportPath]) })
	for _, g := range groups {
		slices.SortFunc(g, func(a, b *test) int { return int(a.Took - b.Took) })
	}
	return groups
}

// run runs tests of one package, the quick ones first. What fails or hangs has to
// do so twice: on a busy machine a test may fail once without a mistake.
func (l *lab) run(bin string, tests []*test) (o outcome, by string) {
	for len(tests) > 0 {
		n, usual := 0, time.Duration(0)
		for n < len(tests) && (n == 0 || usual+tests[n].Took < batch) {
			usual += tests[n].Took
			n++
		}
		some := tests[:n]
		tests = tests[n:]
		for len(some) > 0 {
			if o, by = l.once(bin, some, l.grace/3); o == survived {
				break
			}
			i := slices.IndexFunc(some, func(t *test) bool { return t.Name == strings.SplitN(by, "/", 2)[0] })
			again := some
			if i >= 0 {
				again = some[i : i+1]
			}
			if o, by = l.once(bin, again, l.grace); o != survived {
				return o, by
			}
			if i < 0 {
				break
			}
			some = slices.Delete(slices.Clone(some), i, i+1)
		}
	}
	return survived, ""
}

// batch is how long the tests take that run in one process.
const batch = 5 * time.Second

// once runs tests in one process; those that take twice as long as usual, and grace,
// hang.
func (l *lab) once(bin string, tests []*test, grace time.Duration) (outcome, string) {
	var names []string
	var usual time.Duration
	for _, t := range tests {
		names = append(names, t.Name)
		usual += t.Took
	}
	out, err := runBinary(tests[0].Pkg, bin, 2*usual+grace, "-test.failfast", "-test.run", "^("+strings.Join(names, "|")+")$")
	switch {
	case err == nil:
		return survived, ""
	case strings.Contains(out, "panic: test timed out") || errors.Is(err, context.DeadlineExceeded):
		return hung, firstFailure(out)
	}
	return noticed, firstFailure(out)
}

// plant writes the overlay with the changed file.
func (l *lab) plant(m site) (string, error) {
	src, err := os.ReadFile(m.file)
	if err != nil {
		return "", err
	}
	changed := filepath.Join(l.work, "changed.go")
	text := string(src[:m.from]) + m.text + string(src[m.to:]) + m.tail
	if err := os.WriteFile(changed, []byte(text), 0o644); err != nil {
		return "", err
	}
	abs, err := filepath.Abs(m.file)
	if err != nil {
		return "", err
	}
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{abs: changed}})
	if err != nil {
		return "", err
	}
	name := filepath.Join(l.work, "overlay.json")
	return name, os.WriteFile(name, overlay, 0o644)
}

var failure = regexp.MustCompile(`(?m)^\s*--- FAIL: (\S+)|^\s*running tests:\n\s+(\S+)|^(panic: [^t].*|panic: t[^e].*)$|^(fatal error: .*)$`)

// firstFailure names the test that noticed.
func firstFailure(out string) string {
	m := failure.FindStringSubmatch(out)
	if m == nil {
		return "see the output"
	}
	return strings.Join(m[1:], "")
}
