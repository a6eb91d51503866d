package pages_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/muxkit/muxkit/internal/pages"
)

// said keeps what a check would fail with.
type said struct {
	testing.TB
	faults []string
}

func (s *said) Helper() {}

func (s *said) Errorf(format string, args ...any) {
	s.faults = append(s.faults, fmt.Sprintf(format, args...))
}

func TestCompiled(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	write("a.go", "a := 1\nif a == 1 {\n\tb()\n}\n")
	const first, second = "```go\na := 1\n```\n", "text\n```go\n\tif a == 1 {\n\t\tb()\n\t}\n```\n"
	for name, c := range map[string]struct {
		doc    string
		blocks int
		fault  string
	}{
		"as it stands":     {first + second, 2, ""},
		"other code":       {first + "```go\na := 2\n```\n", 2, "a := 2"},
		"a part of a line": {"```go\n1\n```\n", 1, "nowhere:\n1"},
		"no Go":            {"```sh\ngo test\n```\n", 0, ""},
	} {
		s := &said{TB: t}
		blocks := pages.Compiled(s, write("doc.md", c.doc), filepath.Join(dir, "*.go"))
		if got := strings.Join(s.faults, "\n"); blocks != c.blocks || (got == "") != (c.fault == "") || !strings.Contains(got, c.fault) {
			t.Errorf("%s: %d blocks, faults %q", name, blocks, got)
		}
	}
}

func TestTable(t *testing.T) {
	doc := filepath.Join(t.TempDir(), "doc.md")
	const text = "| other | b |\n|---|---|\n| x | y |\n\n| what | is | it |\n|---|---|---|\n| one | 1 | `a b` |\n| two | | 2 |\nEnd\n| three | 3 | |\n"
	if err := os.WriteFile(doc, []byte("# D\n\n"+text), 0o644); err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprintf("%q", pages.Table(t, doc, "| what |")), `map["one":["one" "1" "`+"`a b`"+`"] "two":["two" "" "2"]]`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
