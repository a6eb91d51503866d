// Package pages lets tests compare the documents with the code. It is for tests only.
package pages

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Compiled checks that every block of Go code in a document stands, but for its
// indentation, in one of the files that the patterns match, and returns how many blocks
// there are: its code is these files'. That all code is compiled somewhere this package's own
// tests see to.
func Compiled(t testing.TB, doc string, patterns ...string) (blocks int) {
	t.Helper()
	var source strings.Builder
	for _, pattern := range patterns {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v, %v", pattern, files, err)
		}
		for _, file := range files {
			source.WriteString(Read(t, file) + "\n")
		}
	}
	p := Page{doc, Read(t, doc)}
	for _, fault := range Uncompiled(p, Flat(source.String())) {
		t.Errorf("%s", fault)
	}
	for _, b := range p.Blocks() {
		if b.Language == "go" {
			blocks++
		}
	}
	return blocks
}

// Table returns the cells of the rows of a Markdown table, by the first cell of each. The table is
// the one whose head begins with head.
func Table(t testing.TB, doc, head string) (rows map[string][]string) {
	t.Helper()
	_, table, ok := strings.Cut(Read(t, doc), "\n"+head)
	if !ok {
		t.Fatalf("%s has no table %q", doc, head)
	}
	rows = make(map[string][]string)
	for n, line := range strings.Split(table, "\n")[1:] { // the rest of the head
		if line = strings.TrimSpace(line); n == 0 {
			continue // |---|
		} else if !strings.HasPrefix(line, "|") {
			break
		}
		cells := strings.Split(strings.Trim(line, "| "), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		if rows[cells[0]] != nil {
			t.Errorf("%s has two rows %q", doc, cells[0])
		}
		rows[cells[0]] = cells
	}
	return rows
}

// Read returns the text of a file.
func Read(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
