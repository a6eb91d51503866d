package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const source = `package p

import "errors"

var errNone = errors.New("none")

func (s state) String() string { return "a" + "b" }

// f is where mistakes are planted.
func f(a, b int, done chan bool) (ok bool, err error) {
	if a < b && a != 0 { // why
		done <- true
	}
	if err != nil {
		return false, err
	}
	list := make([]int, 3)
	list[0] = a
	if len(list) == 0 {
		panic("BUG: " + "none")
	}
	return true, nil
}

func WithLimit(n int) Option {
	return func(s *state) {
		if n < 0 {
			s.invalid = append(s.invalid, errNone)
			return
		}
		s.limit = n
	}
}

func WithOther(n int) Option {
	return func(s *state) {
		set(s, "WithOther", &s.other, n)
	}
}

func WithCall(n int) Option {
	return func(s *state) { s.call(n) }
}

func WithChecked(n int) Option { return checked(n, func(s *state) { s.checked = n }) }

func withAll() Option { return WithLimit(0) }
`

func planted(t *testing.T, options bool) []site {
	t.Helper()
	file := filepath.Join(t.TempDir(), "p.go")
	if err := os.WriteFile(file, []byte(source), 0o644); err != nil {
		t.Fatal(err)
	}
	sites, err := sitesIn(file, options)
	if err != nil {
		t.Fatal(err)
	}
	return sites
}

func TestSites(t *testing.T) {
	var got []string
	for _, m := range planted(t, false) {
		if strings.HasPrefix(strings.ToLower(m.fn), "with") {
			continue
		}
		if m.fn != "f" {
			t.Errorf("a mistake in %s", m.fn)
		}
		got = append(got, m.old+" => "+m.new)
	}
	slices.Sort(got)
	want := []string{
		"done <- true => (nothing)",
		"if a < b && a != 0 { => if !(a < b && a != 0) {",
		"if a < b && a != 0 { => if a < b && a != 1 {",
		"if a < b && a != 0 { => if a < b && a == 0 {",
		"if a < b && a != 0 { => if a < b || a != 0 {",
		"if a < b && a != 0 { => if a <= b && a != 0 {",
		"if err != nil { => if err == nil {",
		"if len(list) == 0 { => if len(list) != 0 {",
		"if len(list) == 0 { => if len(list) == 1 {",
		"list[0] = a => (nothing)",
		"list[0] = a => list[1] = a",
		"return false, err => return false, nil",
		"return false, err => return true, err",
		"return true, nil => return false, nil",
	}
	if !slices.Equal(got, want) {
		t.Errorf("found\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestOptions(t *testing.T) {
	var got []string
	for _, m := range planted(t, true) {
		got = append(got, m.new)
	}
	want := []string{
		"_ = any(n)",
		"set(s, \"WithOther\", plantedElsewhere(&s.other), n)",
		"return func(s *state) {}",
		"func WithChecked(n int) Option { return checked(n, func(s *state) { _ = any(n) }) }",
	}
	if !slices.Equal(got, want) {
		t.Errorf("found\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestASeedPlantsTheSame(t *testing.T) {
	order := func(sites []site, seed uint64) (all []string) {
		shuffle(sites, seed, "p")
		for _, m := range sites {
			all = append(all, m.new)
		}
		return all
	}
	sites := planted(t, false)
	again := slices.Clone(sites)
	slices.Reverse(again) // whatever order they are found in
	if first := order(sites, 7); !slices.Equal(first, order(again, 7)) || slices.Equal(first, order(again, 8)) {
		t.Error("the order is not the seed's")
	}
}

func TestJudged(t *testing.T) {
	read := func(text string) (judged, error) {
		file := filepath.Join(t.TempDir(), "equivalent.txt")
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return readJudged(file)
	}
	m := site{file: "p.go", fn: "f", old: "a < b", new: "a <= b", line: 12}
	j, err := read("# none\n" + m.key() + "\n  they are never equal\n")
	if err != nil || j.reason(m) != "they are never equal" {
		t.Errorf("reason %q, %v", j.reason(m), err)
	}
	m.new = "a > b"
	if j.reason(m) != "" {
		t.Error("another mistake in the line has the reason as well")
	}
	for _, bad := range []string{"a\nb\n  why\n", "  why\n", "a\n"} {
		if _, err := read(bad); err == nil {
			t.Errorf("%q is read", bad)
		}
	}
	if _, err := readJudged("equivalent.txt"); err != nil {
		t.Error(err)
	}
}

func TestWhatIsKnownIsNotTriedAgain(t *testing.T) {
	m := site{file: "p.go", line: 12, old: "f(a) (b)", new: "f(b) (b)"}
	file := filepath.Join(t.TempDir(), "out")
	text := fmt.Sprintf("seed 7\n%-10s %v (TestF, 3 s)\n", survived, m)
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	k, err := readKnown(file)
	if err != nil {
		t.Fatal(err)
	}
	if line, o := k.of(m); o != survived || !strings.HasSuffix(line, "(TestF, 3 s)") {
		t.Errorf("known: %q, %q", line, o)
	}
	m.line++
	if line, _ := k.of(m); line != "" {
		t.Errorf("another is known: %q", line)
	}
}

// A place belongs to the block that holds it, and one in none to its function.
func TestChart(t *testing.T) {
	c := &chart{Blocks: make(map[string]map[block]bool)}
	const file = modulePath + "/p.go"
	c.Tests = []*test{
		{Name: "A", Ran: c.read("mode: set\n" + file + ":3.10,5.2 1 1\n" + file + ":7.3,8.4 1 0\n" + file + ":20.1,30.1 1 0\n")},
		{Name: "B", Ran: c.read("mode: set\n" + file + ":3.10,5.2 1 0\n" + file + ":7.3,8.4 1 1\n" + file + ":20.1,30.1 1 0\n")},
	}
	in := block{place{3, 1}, place{9, 2}}
	for at, want := range map[place]string{{3, 10}: "A", {4, 1}: "A", {5, 2}: "A B", {7, 3}: "B", {8, 4}: "A B", {6, 1}: "A B", {25, 1}: ""} {
		var got []string
		for _, t := range c.thatRun(site{file: "p.go", at: at, in: in}) {
			got = append(got, t.Name)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("at %v: %q, want %q", at, got, want)
		}
	}
}

// Only tests that have changed, or whose code has, are run again for the chart.
func TestChartsAreKept(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	all := []pkg{
		{ImportPath: "a", Dir: dir, GoFiles: []string{"a.go"}, TestGoFiles: []string{"a_test.go"}},
		{ImportPath: "b", Dir: dir, GoFiles: []string{"b.go"}, TestGoFiles: []string{"b_test.go"}, Deps: []string{"a"}},
		{ImportPath: "c", Dir: dir, GoFiles: []string{"c.go"}, XTestGoFiles: []string{"c_test.go"}, XTestImports: []string{"b"}},
	}
	for _, name := range []string{"a", "b", "c"} {
		write(name+".go", "")
		write(name+"_test.go", "package p\nfunc TestMain() {}\nfunc TestOne() {}\nfunc TestTwo() {}\nfunc ExampleThree() {}\n")
	}
	name := filepath.Join(dir, "chart")
	for _, step := range []struct{ file, text, run string }{
		{"b.go", "", "a.TestOne a.TestTwo b.TestOne b.TestTwo c.TestOne c.TestTwo"},
		{"b.go", "", ""},
		{"a_test.go", "package p\nfunc TestOne() {}\nfunc TestTwo() { _ = 1 }\n", "a.TestTwo"},
		{"c.go", "// changed", "c.TestOne c.TestTwo"},
		{"c_test.go", "package p\nfunc TestOther() {}\nfunc TestTwo() {}\n", "c.TestOther"},
		{"b.go", "// changed", "b.TestOne b.TestTwo c.TestOther c.TestTwo"},
		{"a.go", "// changed", "a.TestOne a.TestTwo b.TestOne b.TestTwo c.TestOther c.TestTwo"},
		{"a.go", "// changed", ""},
	} {
		write(step.file, step.text)
		sums, err := sumsOf(all)
		if err != nil {
			t.Fatal(err)
		}
		var run []string
		got, err := chartOf(name, all, sums, func(p pkg, c *chart) error {
			texts, err := p.texts()
			for _, test := range c.Tests {
				delete(texts, test.Name)
			}
			for _, name := range slices.Sorted(maps.Keys(texts)) {
				run = append(run, p.ImportPath+"."+name)
				c.Tests = append(c.Tests, &test{Pkg: p, Name: name, Ran: c.read(modulePath + "/p.go:3.10,5.2 1 1\n")})
			}
			return err
		})
		if err != nil || strings.Join(run, " ") != step.run {
			t.Errorf("after a change of %s ran %q, %v; want %q", step.file, run, err, step.run)
		}
		if n := len(got.thatRun(site{file: "p.go", at: place{4, 1}})); n != 6 {
			t.Errorf("after a change of %s %d tests run the place", step.file, n)
		}
	}
}

// What was judged can still be planted: a reason of code that has gone is out of date.
func TestJudgedMistakesAreThere(t *testing.T) {
	t.Chdir("../..")
	judged, err := readJudged(equivalents)
	if err != nil {
		t.Fatal(err)
	}
	there := make(map[string]bool)
	seen := make(map[string]bool)
	for key := range judged {
		file, _, _ := strings.Cut(key, " ")
		if seen[file] {
			continue
		}
		seen[file] = true
		sites, err := sitesIn(file, false)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range sites {
			there[m.key()] = true
		}
	}
	for key := range judged {
		if !there[key] {
			t.Errorf("nobody plants %s", key)
		}
	}
}
