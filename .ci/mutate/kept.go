package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/gob"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// A keptChart is what the tests of one package run, and the sum of the code, other than
// tests, that they were compiled from.
type keptChart struct {
	Sum   []byte
	Chart *chart
}

// chartOf puts together the charts of packages. Tests that the file has, as they are and
// of the same code, are taken from there, the others are run and added to it; without a
// name all are run. That a helper of tests has changed is not seen.
func chartOf(name string, pkgs []pkg, sums map[string][]byte, run func(p pkg, chart *chart) error) (*chart, error) {
	kept := map[string]keptChart{}
	if f, err := os.Open(name); err == nil {
		if err := gob.NewDecoder(bufio.NewReader(f)).Decode(&kept); err != nil {
			fmt.Printf("-- %s is made anew: %v\n", name, err)
			kept = map[string]keptChart{}
		}
		f.Close()
	}
	all := &chart{Blocks: map[string]map[block]bool{}}
	for _, p := range pkgs {
		k := kept[p.ImportPath]
		if k.Chart == nil || !bytes.Equal(k.Sum, sums[p.ImportPath]) {
			k = keptChart{sums[p.ImportPath], &chart{Blocks: map[string]map[block]bool{}}}
		}
		texts, err := p.texts()
		if err != nil {
			return nil, err
		}
		known := 0
		k.Chart.Tests = slices.DeleteFunc(k.Chart.Tests, func(t *test) bool { return texts[t.Name] != t.Text })
		for _, t := range k.Chart.Tests {
			t.Pkg = p
			known++
		}
		if known < len(texts) {
			if err := run(p, k.Chart); err != nil {
				return nil, err
			}
			for _, t := range k.Chart.Tests {
				t.Text = texts[t.Name]
			}
			kept[p.ImportPath] = k
			if err := keep(name, kept); err != nil {
				return nil, err
			}
		}
		all.add(k.Chart)
	}
	return all, nil
}

// texts returns the source of each test of a package, by name.
func (p pkg) texts() (map[string]string, error) {
	texts := make(map[string]string)
	for _, name := range slices.Concat(p.TestGoFiles, p.XTestGoFiles) {
		src, err := os.ReadFile(filepath.Join(p.Dir, name))
		if err != nil {
			return nil, err
		}
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, name, src, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		for _, d := range file.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && testName.MatchString(fn.Name.Name) && fn.Name.Name != "TestMain" {
				text := string(src[fset.Position(fn.Pos()).Offset:fset.Position(fn.End()).Offset])
				if !strings.HasPrefix(fn.Name.Name, "Example") || strings.Contains(strings.ToLower(text), "output:") {
					texts[fn.Name.Name] = text // an example without is not run
				}
			}
		}
	}
	return texts, nil
}

// keep writes the file, whole or not at all.
func keep(name string, kept map[string]keptChart) error {
	if name == "" {
		return nil
	}
	var b bytes.Buffer
	if err := gob.NewEncoder(&b).Encode(kept); err != nil {
		return err
	}
	if err := os.WriteFile(name+".new", b.Bytes(), 0o644); err != nil {
		return err
	}
	return os.Rename(name+".new", name)
}

// sumsOf returns, for each package of the module, a sum over the Go files that its tests
// are compiled from, but for tests and what is there for tests only.
func sumsOf(pkgs []pkg) (map[string][]byte, error) {
	code, deps := map[string][]byte{}, map[string][]string{}
	for _, p := range pkgs {
		var err error
		if code[p.ImportPath], err = p.sum(p.GoFiles); err != nil {
			return nil, err
		}
		deps[p.ImportPath] = append(p.Deps, p.ImportPath)
	}
	sums := map[string][]byte{}
	for _, p := range pkgs {
		needs := map[string]bool{}
		for _, i := range append(slices.Concat(p.TestImports, p.XTestImports), p.ImportPath) {
			for _, d := range deps[i] {
				needs[d] = !forTests.MatchString(d)
			}
		}
		sum := sha256.New()
		for _, path := range slices.Sorted(maps.Keys(needs)) {
			if needs[path] {
				sum.Write(code[path])
			}
		}
		sums[p.ImportPath] = sum.Sum(nil)
	}
	return sums, nil
}

func (p pkg) sum(files []string) ([]byte, error) {
	sum := sha256.New()
	for _, name := range files {
		text, err := os.ReadFile(filepath.Join(p.Dir, name))
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(sum, "%s %d\n%s", name, len(text), text)
	}
	return sum.Sum(nil), nil
}

// known are outcomes of an earlier run with the same seed, as it has printed them:
// the lines by mistake.
type known map[string]string

// readKnown reads them from what was printed; without a name there are none.
func readKnown(name string) (known, error) {
	if name == "" {
		return nil, nil
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	k := make(known)
	for line := range strings.Lines(string(text)) {
		for _, o := range []outcome{noticed, hung, survived, equivalent} {
			if rest, ok := strings.CutPrefix(line, fmt.Sprintf("%-10s ", o)); ok {
				if i := strings.LastIndex(rest, " ("); i >= 0 {
					k[rest[:i]] = strings.TrimSpace(line)
				}
			}
		}
	}
	return k, nil
}

// of returns the line of m, and what came of it.
func (k known) of(m site) (line string, o outcome) {
	line = k[m.String()]
	word, _, _ := strings.Cut(line, " ")
	return line, outcome(word)
}
