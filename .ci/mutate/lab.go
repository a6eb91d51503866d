package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

type outcome string

const (
	noticed    outcome = "noticed"
	hung       outcome = "hang"
	survived   outcome = "SURVIVED"
	equivalent outcome = "equivalent"
	untried    outcome = "untried"
)

// A lab tries mistakes, one at a time.
type lab struct {
	chart *chart
	grace time.Duration
	near  bool // on the tests of the mistake's own package only
}

// try tells what comes of a mistake of a field, by what, and how long that ran.
func (l *lab) try(f *field, m site) (o outcome, by string, took time.Duration) {
	begin, groups, tests := time.Now(), l.groups(f.pkg, m), 0
	if len(groups) == 0 {
		return survived, "no test runs it", 0
	}
	for _, g := range groups {
		bin, err := f.binary(g[0].Pkg)
		if err != nil {
			return untried, err.Error(), 0
		}
		if o, by, took := l.run(bin, m, g); o != survived {
			return o, by, took
		}
		tests += len(g)
	}
	return survived, fmt.Sprintf("%d tests", tests), time.Since(begin)
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

// run runs tests of one package, the quick ones first. What fails has to do so twice, and to
// pass without a mistake: on a busy machine a test may fail once. One that hangs is asked again,
// for as long as it may take, when no other has failed.
func (l *lab) run(bin *testBinary, m site, tests []*test) (o outcome, by string, took time.Duration) {
	var stuck []*test
	for len(tests) > 0 && len(stuck) < mostStuck {
		n, usual := 0, time.Duration(0)
		for n < len(tests) && (n == 0 || usual+tests[n].Took < batch) {
			usual += tests[n].Took
			n++
		}
		if o, by = l.once(bin, m.number, tests[:n], l.grace/4); o == survived {
			tests = tests[n:]
			continue
		}
		i := slices.IndexFunc(tests[:n], func(t *test) bool { return t.Name == strings.SplitN(by, "/", 2)[0] })
		switch {
		case i < 0:
			if o, by, took = l.again(bin, m, tests[:n]); o != survived {
				return o, by, took
			}
			tests = tests[n:]
			continue
		case o == hung:
			stuck = append(stuck, tests[i])
		default:
			if o, by, took = l.again(bin, m, tests[i:i+1]); o != survived {
				return o, by, took
			}
		}
		tests = slices.Delete(slices.Clone(tests), i, i+1)
	}
	for i := range stuck {
		if o, by, took = l.again(bin, m, stuck[i:i+1]); o != survived {
			return o, by, took
		}
	}
	if len(stuck) == mostStuck { // and yet they end
		return l.run(bin, m, tests)
	}
	return survived, "", 0
}

// again tells whether the mistake it is by which tests fail, or hang.
func (l *lab) again(bin *testBinary, m site, tests []*test) (o outcome, by string, took time.Duration) {
	begin := time.Now()
	o, by = l.once(bin, m.number, tests, l.grace)
	if took = time.Since(begin); o != survived && !l.sound(bin, tests) {
		o = survived
	}
	return o, by, took
}

// sound reports whether tests pass without a mistake.
func (l *lab) sound(bin *testBinary, tests []*test) bool {
	all := true
	for _, t := range tests {
		bin.mu.Lock()
		ok, known := bin.sound[t.Name]
		bin.mu.Unlock()
		if !known {
			o, _ := l.once(bin, 0, []*test{t}, l.grace)
			ok = o == survived
			bin.mu.Lock()
			bin.sound[t.Name] = ok
			bin.mu.Unlock()
		}
		all = all && ok
	}
	return all
}

const (
	batch     = 5 * time.Second // is how long the tests take that run in one process
	mostStuck = 2               // tests that do not end are enough to ask them again
)

// once runs tests with a mistake in one process; those that take twice as long as usual, and
// grace, hang.
func (l *lab) once(bin *testBinary, mistake int, tests []*test, grace time.Duration) (outcome, string) {
	var names []string
	var usual time.Duration
	for _, t := range tests {
		names = append(names, t.Name)
		usual += t.Took
	}
	out, err := runBinary(tests[0].Pkg, bin.path, mistake, 2*usual+grace, "-test.failfast", "-test.run", "^("+strings.Join(names, "|")+")$")
	switch {
	case err == nil:
		return survived, ""
	case strings.Contains(out, "panic: test timed out") || errors.Is(err, context.DeadlineExceeded):
		return hung, firstFailure(out)
	}
	return noticed, firstFailure(out)
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
