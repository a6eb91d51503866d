package afternoon

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestPage checks that every block of Go code in docs/afternoon.md stands in a file that is
// compiled here, or in the examples of the house protocol, and is run by a test.
func TestPage(t *testing.T) {
	var source strings.Builder
	for _, pattern := range []string{"*.go", "../houseprotocol/*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v, %v", pattern, files, err)
		}
		for _, file := range files {
			if file != "page_test.go" {
				source.WriteString(unindent(read(t, file)))
			}
		}
	}
	blocks := strings.Split(read(t, "../../docs/afternoon.md"), "```go\n")[1:]
	for _, b := range blocks {
		code, _, _ := strings.Cut(b, "```")
		if !strings.Contains(source.String(), "\n"+unindent(code)) {
			t.Errorf("this code is compiled nowhere:\n%s", code)
		}
	}
	if len(blocks) < 10 {
		t.Errorf("%d blocks of code", len(blocks))
	}
}

// TestUnderSixtyLines: the least that a client needs.
func TestUnderSixtyLines(t *testing.T) {
	lines := 0
	for line := range strings.Lines(read(t, "protocol.go")) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "//") {
			lines++
		}
	}
	if lines >= 60 {
		t.Errorf("%d lines of code", lines)
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// unindent takes the space off the beginning and end of every line.
func unindent(s string) string {
	var b strings.Builder
	for line := range strings.Lines(s) {
		b.WriteString(strings.TrimSpace(line) + "\n")
	}
	return b.String()
}
