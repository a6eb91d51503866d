package addsvc_test

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/muxkit/muxkit/internal/pages"
)

const page = "../../docs/from-gokit-grpc.md"

// TestPage: its code is that of the programs.
func TestPage(t *testing.T) {
	if n := pages.Compiled(t, page, "*.go", "before/*.go", "after/*.go"); n < 6 {
		t.Errorf("%d blocks of code", n)
	}
}

// TestBothPrograms: what the page says that they print, both print.
func TestBothPrograms(t *testing.T) {
	_, want, _ := strings.Cut(pages.Read(t, page), "$ go run -C examples/addsvc ./after\n")
	want, _, _ = strings.Cut(want, "```")
	if strings.Count(want, "\n") != 4 {
		t.Fatalf("the page says that they print %q", want)
	}
	dir := t.TempDir()
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", dir+string(filepath.Separator), "./before", "./after").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, name := range []string{"before", "after"} {
		var out, log bytes.Buffer
		cmd := exec.CommandContext(t.Context(), filepath.Join(dir, name))
		cmd.Stdout, cmd.Stderr = &out, &log
		if err := cmd.Run(); err != nil || out.String() != want || log.Len() > 0 {
			t.Errorf("%s: %v; it printed\n%s\nand logged\n%s", name, err, &out, &log)
		}
	}
}
