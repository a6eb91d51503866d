package main

import (
	"bufio"
	"crypto/sha256"
	"encoding/gob"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// keptChart is a chart of the source as it is, from a file or, if that has none,
// made anew and written there; without a name it is only made.
func keptChart(name string, source []byte, make func() (*chart, error)) (*chart, error) {
	if name == "" {
		return make()
	}
	var kept struct {
		Source []byte
		Chart  *chart
	}
	if f, err := os.Open(name); err == nil {
		err := gob.NewDecoder(bufio.NewReader(f)).Decode(&kept)
		if f.Close(); err == nil && string(kept.Source) == string(source) {
			return kept.Chart, nil
		}
	}
	c, err := make()
	if err != nil {
		return nil, err
	}
	kept.Source, kept.Chart = source, c
	f, err := os.Create(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if err := gob.NewEncoder(f).Encode(kept); err != nil {
		return nil, err
	}
	return c, f.Close()
}

// sourceOf is a sum over the Go files of packages.
func sourceOf(pkgs []pkg) ([]byte, error) {
	sum := sha256.New()
	for _, p := range pkgs {
		files, err := filepath.Glob(filepath.Join(p.Dir, "*.go"))
		if err != nil {
			return nil, err
		}
		for _, name := range files {
			text, err := os.ReadFile(name)
			if err != nil {
				return nil, err
			}
			fmt.Fprintf(sum, "%s %d\n%s", filepath.Base(name), len(text), text)
		}
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
