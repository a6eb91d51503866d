package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// A field holds the mistakes of one package, all compiled at once and each behind its number:
// a function with mistakes begins with a copy of itself for each, which runs instead if the
// environment names it. So a mistake costs a run of its tests, and no build.
type field struct {
	pkg     pkg
	overlay string
	dir     string

	mu   sync.Mutex
	bins map[string]*testBinary // by the package whose tests it has
}

// number in the environment chooses the mistake; 0, or none, is the source as it is.
const number = "PLANTED_MISTAKE"

// chooser is added to the package. Its variable is set before any that a mistake could have
// a part in, since those depend on it.
const chooser = `package %s

import plantedOS "os"

var plantedMistake = plantedNumber()

func plantedNumber() (n int) {
	for _, digit := range plantedOS.Getenv("` + number + `") {
		n = 10*n + int(digit-'0')
	}
	return n
}

func plantedElsewhere[T any](*T) *T { return new(T) }
`

// sow compiles the first n of the sites that can be, and numbers them from 1 on. Those that
// judged knows are among the n, but not compiled.
func sow(p pkg, sites []site, n int, judged judged, dir string) (f *field, sown []site, err error) {
	f = &field{pkg: p, dir: dir, bins: make(map[string]*testBinary)}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, nil, err
	}
	for {
		sown = slices.Clone(sites[:min(n, len(sites))])
		var planted []*site
		for i := range sown {
			if judged.reason(sown[i]) == "" {
				planted = append(planted, &sown[i])
				sown[i].number = len(planted)
			}
		}
		if len(planted) == 0 {
			return f, sown, nil
		}
		lines, err := f.write(planted)
		if err != nil {
			return nil, nil, err
		}
		out, err := exec.Command("go", "build", "-gcflags=-e", "-overlay", f.overlay, "-o", os.DevNull, p.ImportPath).CombinedOutput()
		if err == nil {
			return f, sown, nil
		}
		bad := make(map[int]bool)
		for _, m := range complaint.FindAllStringSubmatch(string(out), -1) {
			line, _ := strconv.Atoi(m[2])
			for _, s := range lines[m[1]] {
				bad[s.number] = bad[s.number] || s.from <= line && line <= s.to
			}
		}
		before := len(sites)
		sites = slices.DeleteFunc(slices.Clone(sites), func(m site) bool {
			i := slices.IndexFunc(sown, func(s site) bool { return s.is(m) })
			return i >= 0 && sown[i].number > 0 && bad[sown[i].number]
		})
		if len(sites) == before {
			return nil, nil, fmt.Errorf("go build %s: %w\n%s", p.ImportPath, err, out)
		}
	}
}

var complaint = regexp.MustCompile(`(?m)^\S*?([^/\s:]+\.go):(\d+):`)

// stretch is where the copy with a mistake is, in lines of the changed file.
type stretch struct{ number, from, to int }

// write writes the overlay with the sites planted, and returns where they are, by file.
func (f *field) write(planted []*site) (map[string][]stretch, error) {
	replace, lines := make(map[string]string), make(map[string][]stretch)
	add := func(path, text string) error {
		abs, err := filepath.Abs(path)
		if err != nil {
			return err
		}
		replace[abs] = filepath.Join(f.dir, filepath.Base(path))
		return os.WriteFile(replace[abs], []byte(text), 0o644)
	}
	byFile := make(map[string][]*site)
	for _, m := range planted {
		byFile[m.file] = append(byFile[m.file], m)
	}
	for file, sites := range byFile {
		src, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		text, where := behindNumbers(string(src), sites)
		lines[filepath.Base(file)] = where
		if err := add(file, text); err != nil {
			return nil, err
		}
	}
	if err := add(filepath.Join(f.pkg.Dir, "planted_mistakes.go"), fmt.Sprintf(chooser, f.pkg.Name)); err != nil {
		return nil, err
	}
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return nil, err
	}
	f.overlay = filepath.Join(f.dir, "overlay.json")
	return lines, os.WriteFile(f.overlay, text, 0o644)
}

// behindNumbers adds, to each function that has some of the sites, its copies with them.
func behindNumbers(src string, sites []*site) (text string, where []stretch) {
	sites = slices.Clone(sites)
	slices.SortStableFunc(sites, func(a, b *site) int { return a.body.from - b.body.from })
	var b strings.Builder
	at, line := 0, 1
	put := func(s string) {
		b.WriteString(s)
		line += strings.Count(s, "\n")
	}
	for _, m := range sites {
		put(src[at:m.body.from])
		at = m.body.from
		first := line + 1
		wrong := src[m.body.from:m.from] + m.text + src[m.to:m.body.to]
		switch {
		case m.body.recovers: // which it can do itself only
			put(fmt.Sprintf("\nif plantedMistake == %d {%s", m.number, wrong))
			if m.body.results == "" {
				put("\nreturn")
			}
			put("\n}")
		case m.body.results == "":
			put(fmt.Sprintf("\nif plantedMistake == %d { func() {%s}(); return }", m.number, wrong))
		default:
			put(fmt.Sprintf("\nif plantedMistake == %d { return func() %s {%s}() }", m.number, m.body.results, wrong))
		}
		where = append(where, stretch{m.number, first, line})
		put("\n")
	}
	put(src[at:])
	return b.String(), where
}

// A testBinary has the tests of one package, compiled with all mistakes of a field.
type testBinary struct {
	once sync.Once
	path string
	err  error

	mu    sync.Mutex
	sound map[string]bool // what is known of tests: they pass without a mistake
}

// binary compiles the tests of a package, once.
func (f *field) binary(p pkg) (*testBinary, error) {
	f.mu.Lock()
	b := f.bins[p.ImportPath]
	if b == nil {
		b = &testBinary{sound: make(map[string]bool)}
		f.bins[p.ImportPath] = b
	}
	f.mu.Unlock()
	b.once.Do(func() {
		b.path = filepath.Join(f.dir, strings.ReplaceAll(strings.TrimPrefix(p.ImportPath, modulePath+"/"), "/", "_")+".test")
		if out, err := exec.Command("go", "test", "-c", "-vet=off", "-ldflags=-s -w", "-overlay", f.overlay, "-o", b.path, p.ImportPath).CombinedOutput(); err != nil {
			b.err = fmt.Errorf("go test -c %s: %w\n%s", p.ImportPath, err, out)
		}
	})
	return b, b.err
}
