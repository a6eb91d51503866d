package profilesvc_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/muxkit/muxkit/internal/pages"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const page = "../../docs/from-gokit-http.md"

// TestPage: its code is that of the programs, and so are its figures.
func TestPage(t *testing.T) {
	if n := pages.Compiled(t, page, "*.go", "before/*.go", "after/*.go", "../../endpoint/kitauth/example_tokens_test.go"); n < 14 {
		t.Errorf("%d blocks of code", n)
	}
	said := pages.Table(t, page, "| lines of code |")
	for row, files := range map[string][]string{
		"the service, its endpoints, its middleware": {"service.go", "endpoints.go", "middleware.go"},
		"serving": {"server.go"},
		"calling": {"client.go"},
	} {
		want := []string{row, "", ""}
		for i, dir := range []string{"before", "after"} {
			lines := 0
			for _, f := range files {
				if f == "server.go" || f == "client.go" {
					f = dir + "/" + f
				}
				lines += codeLines(t, f)
			}
			want[i+1] = fmt.Sprint(lines)
		}
		if got := said[row]; fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("the page says %q, it is %q", got, want)
		}
	}
}

// codeLines counts the lines of a file that are neither empty, nor comments, nor imports.
func codeLines(t *testing.T, file string) (n int) {
	t.Helper()
	text := regexp.MustCompile(`(?s)import \(.*?\n\)\n`).ReplaceAllString(pages.Read(t, file), "")
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "//") && !strings.HasPrefix(line, "package ") {
			n++
		}
	}
	return n
}

// TestBothPrograms: what the page says that they print, both print, in one process and in two.
func TestBothPrograms(t *testing.T) {
	_, want, _ := strings.Cut(pages.Read(t, page), "$ go run ./examples/profilesvc/after\n")
	want, _, _ = strings.Cut(want, "```")
	if strings.Count(want, "\n") != 8 {
		t.Fatalf("the page says that they print %q", want)
	}
	dir := t.TempDir()
	if out, err := exec.Command("go", "build", "-o", dir+string(filepath.Separator), "./before", "./after").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, name := range []string{"before", "after"} {
		t.Run(name, func(t *testing.T) {
			program := filepath.Join(dir, name)
			if out, log := run(t, program); out != want || strings.Count(log, "id=play-1") != 8 {
				t.Errorf("in one process it printed\n%s\nand logged\n%s", out, log)
			}
			address, logged := start(t, program)
			if out, _ := run(t, program, "-nodes", address); out != want {
				t.Errorf("of another process it printed\n%s", out)
			}
			if log := logged(); strings.Count(log, "id=play-1") != 8 || !strings.Contains(log, `method=put id=play-1 err="inconsistent IDs"`) {
				t.Errorf("the other process logged\n%s", log)
			}
		})
	}
}

func run(t *testing.T, program string, args ...string) (stdout, stderr string) {
	t.Helper()
	var out, log bytes.Buffer
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Stdout, cmd.Stderr = &out, &log
	if err := cmd.Run(); err != nil {
		t.Errorf("%v: %v\n%s", args, err, &log)
	}
	return out.String(), log.String()
}

// start starts a program that serves, and returns its address, and a function that ends it and
// returns what it logged meanwhile.
func start(t *testing.T, program string) (address string, logged func() string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, "-listen", "127.0.0.1:0")
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(stderr)
	for lines.Scan() {
		if _, addr, ok := strings.Cut(lines.Text(), "addr="); ok {
			return addr, func() string {
				err := cmd.Process.Signal(os.Interrupt)
				var log strings.Builder
				for lines.Scan() {
					log.WriteString(lines.Text() + "\n")
				}
				if err = errors.Join(err, cmd.Wait()); err != nil {
					t.Error(err)
				}
				return log.String()
			}
		}
	}
	t.Fatal("the program did not tell its address")
	return "", nil
}
