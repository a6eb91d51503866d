// Package pages lets tests compare the documents with the code. It is for tests only.
package pages

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Compiled checks that every block of Go code in a document stands, but for its
// indentation, in one of the files that the patterns match, which somebody compiles and
// runs, and returns how many blocks there are.
func Compiled(t testing.TB, doc string, patterns ...string) (blocks int) {
	t.Helper()
	var source strings.Builder
	for _, pattern := range patterns {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v, %v", pattern, files, err)
		}
		for _, file := range files {
			source.WriteString("\n" + unindent(Read(t, file)))
		}
	}
	for _, code := range goBlocks(Read(t, doc)) {
		blocks++
		if !strings.Contains(source.String(), "\n"+unindent(code)) {
			t.Errorf("%s: this code is compiled nowhere:\n%s", doc, code)
		}
	}
	return blocks
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

// goBlocks are the blocks of a Markdown text that are marked as Go.
func goBlocks(text string) (blocks []string) {
	for _, b := range strings.Split(text, "```go\n")[1:] {
		code, _, _ := strings.Cut(b, "```")
		blocks = append(blocks, code)
	}
	return blocks
}

// unindent takes the space off the beginning and end of every line.
func unindent(s string) string {
	var b strings.Builder
	for line := range strings.Lines(s) {
		b.WriteString(strings.TrimSpace(line) + "\n")
	}
	return b.String()
}
